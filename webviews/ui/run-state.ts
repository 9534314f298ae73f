/** What every panel that runs something holds, and the changes that are alike in all of them. Pure. */
import type { Tokenised } from '../../protocol/compute/models';
import type { DeviceChoices, ModelChoice, Notice } from '../../protocol/panels/run-panel';
import type { PanelPlace } from '../../protocol/panels/run-panel';
import type { ModelSummary } from '../../protocol/results/heads';
import type { Devices } from './device-field';
import { noAsides, type Asides } from './asides';
import { whyModelDoesNotRun, type ModelProblem } from './model-field';
import { idle, overduePhase, startedPhase, type Phase } from './phase';

export interface RunState<Form = unknown, View extends RunView = RunView> {
  /** The extension has sent what the panel shows. */
  readonly opened: boolean;
  readonly place: PanelPlace;
  /** True, or the sentence that says why nothing may run. */
  readonly canRun: true | string;
  readonly form: Form | undefined;
  readonly phase: Phase;
  readonly savedAs: string | undefined;
  /** A second saved result beside what is shown. */
  readonly compareWith: { readonly name: string } | undefined;
  readonly asides: Asides;
  /** What a person arranged; survives a reload. */
  readonly view: View;
}

export interface RunView {
  /** Disclosures by name; absent: their default. */
  readonly open: Readonly<Record<string, boolean>>;
}

/** Before the extension has answered. */
export const initialRun = (place: PanelPlace) => ({
  opened: false,
  place,
  canRun: true as const,
  form: undefined,
  phase: idle,
  savedAs: undefined,
  compareWith: undefined,
  asides: noAsides,
});

/** Of a panel that runs a model. */
export interface ModelState {
  readonly models: readonly ModelChoice[];
  readonly devices: Devices;
  /** The one that was read last. */
  readonly model: ModelSummary | undefined;
  /** Tokens of the prompt in the form, as last answered. */
  readonly typed: Tokenised | undefined;
  readonly typedProblem: string | undefined;
}

const noDevices: Devices = { found: [], setting: 'cpu', asked: false };
export const initialModel = {
  models: [],
  devices: noDevices,
  model: undefined,
  typed: undefined,
  typedProblem: undefined,
};

interface Typed extends Pick<ModelState, 'models' | 'model'> {
  readonly form: { readonly folder: string } | undefined;
}

/** The summary of the model in the form, when it is known. */
export const modelOfForm = ({ form, model }: Pick<Typed, 'form' | 'model'>): ModelSummary | undefined =>
  model !== undefined && model.folder === form?.folder ? model : undefined;

/** Why the model in the form cannot run, as far as it is known. */
export const whyModelOfFormDoesNotRun = (state: Typed, problem?: ModelProblem): string | undefined =>
  state.form && modelOfForm(state) === undefined
    ? whyModelDoesNotRun(state.form.folder, state.models, problem)
    : undefined;

/** As the extension sends them. */
export const devicesOf = ({ devices, setting }: DeviceChoices): Devices => ({ found: devices, setting, asked: false });

/** Messages that change every panel in the same way. */
export type CommonMessage = Notice | { readonly kind: 'overdue'; readonly sentence: string };

export const receiveCommon = <S extends Pick<RunState, 'phase' | 'asides'>>(state: S, message: CommonMessage): S =>
  message.kind === 'notice'
    ? { ...state, asides: { ...state.asides, notice: message } }
    : { ...state, phase: overduePhase(state.phase, message.sentence) };

/** A run of `total` steps begins: what was said beside the last one goes. */
export const started = <S extends Pick<RunState, 'phase' | 'asides'>>(state: S, done = 0, total = 1): S => ({
  ...state,
  phase: { ...startedPhase, done, total },
  asides: { ...state.asides, notice: undefined },
});

/** What failed before is said no more. */
export const forgiven = (phase: Phase): Phase => (phase.kind === 'failed' ? idle : phase);

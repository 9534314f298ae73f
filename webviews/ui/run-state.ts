/** What every panel that runs something holds, and the changes that are alike in all of them. Pure. */
import type { Tokenised } from '../../protocol/compute/models';
import type { DeviceChoices, ModelChoice, Notice, PanelPlace } from '../../protocol/panels/run-panel';
import type { ModelSummary } from '../../protocol/schema/parts';
import type { Devices } from './device-field';
import { noAsides, type Asides } from './asides';
import { whyModelDoesNotRun, type ModelProblem } from './model-field';
import { failedPhase, idle, overduePhase, startedPhase, type Phase } from './phase';

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
  /** What the last run replaced: it is shown again when the run is refused. */
  readonly replaced: object | undefined;
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
  replaced: undefined,
});

/** State of a panel that runs a model. */
export interface ModelState {
  readonly models: readonly ModelChoice[];
  readonly devices: Devices;
  /** The one that was read last. */
  readonly model: ModelSummary | undefined;
  /** Tokens of the prompt in the form, as last answered. */
  readonly typed: Tokenised | undefined;
  readonly typedProblem: string | undefined;
}

const noDevices: Devices = { found: [], setting: 'cpu', weights: 'as-stored', asked: false };
export const initialModel = {
  models: [],
  devices: noDevices,
  model: undefined,
  typed: undefined,
  typedProblem: undefined,
};

interface Typed extends Pick<ModelState, 'models' | 'model'> {
  readonly form: { readonly folder: string; readonly adapter?: string } | undefined;
}

/** The summary of the model in the form, when it is known. */
export const modelOfForm = ({ form, model }: Pick<Typed, 'form' | 'model'>): ModelSummary | undefined =>
  model !== undefined && form !== undefined && isOfForm(model, form) ? model : undefined;

/** Whether it is the model of a form, with the adapter that the form puts on it. */
export const isOfForm = (
  model: Pick<ModelSummary, 'folder' | 'adapter'>,
  { folder, adapter = model.adapter ?? '' }: NonNullable<Typed['form']>,
): boolean => model.folder === folder && (model.adapter ?? '') === adapter;

/** Why the model in the form cannot run, as far as it is known. */
export const whyModelOfFormDoesNotRun = (state: Typed, problem?: ModelProblem): string | undefined =>
  state.form && modelOfForm(state) === undefined
    ? whyModelDoesNotRun(state.form.folder, state.models, problem)
    : undefined;

/** The devices of a panel, from the choices that the extension sends. */
export const devicesOf = ({ devices, setting, weights, testing }: DeviceChoices): Devices => ({
  found: devices,
  setting,
  weights: weights ?? 'as-stored',
  asked: testing === true,
});

/** Messages that change every panel in the same way. */
export type CommonMessage = Notice | { readonly kind: 'overdue'; readonly sentence: string };

export const receiveCommon = <S extends Pick<RunState, 'phase' | 'asides'>>(state: S, message: CommonMessage): S =>
  message.kind === 'notice'
    ? { ...state, asides: { ...state.asides, notice: message } }
    : { ...state, phase: overduePhase(state.phase, message.sentence) };

type Startable = Pick<RunState, 'phase' | 'asides' | 'replaced'>;

/**
 * A run of `total` steps begins, and shows `begun` in place of what was there: that is remembered until the run is refused. What
 * was said beside the last one goes.
 */
export const started = <S extends Startable, Begun extends Omit<Partial<S>, keyof Startable>>(
  state: S,
  begun: Begun,
  { done = 0, total = 1 } = {},
): S => ({
  ...state,
  ...begun,
  phase: { ...startedPhase, done, total },
  asides: { ...state.asides, notice: undefined },
  replaced: Object.fromEntries(Object.keys(begun).map((key) => [key, state[key as keyof S]])),
});

/** A run, or what was asked beside it, ended without an answer. A run that gave nothing leaves what it replaced. */
export const failedRun = <S extends Startable>(
  state: S,
  message: { readonly sentence: string; readonly details?: string; readonly refused?: true },
): S => ({
  ...state,
  // What a run replaced that has given its result is no longer wanted.
  ...(message.refused && state.phase.kind === 'running' ? state.replaced : {}),
  ...(message.refused ? { replaced: undefined } : {}),
  phase: failedPhase(message),
});

/** What failed before is said no more. */
export const forgiven = (phase: Phase): Phase => (phase.kind === 'failed' ? idle : phase);

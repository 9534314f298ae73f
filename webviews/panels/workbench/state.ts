/** Everything the panel shows, and how a message changes it. No DOM: tests drive it directly. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, AnalysisSetup, SectionQuestion } from '../../../protocol/analysis/schema';
import { noDemos, type Demos } from '../../../protocol/analysis/next-start';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import type { AnalysisEstimate } from '../../../protocol/compute/analyses';
import type { Tokenised } from '../../../protocol/compute/models';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import type { Section } from '../../../protocol/sections/section';
import { unreachable } from '../../../protocol/unreachable';
import type { LoadedPicture } from '../../sections/scene';
import type { SectionView } from '../../sections/section-kind';
import { opened } from '../../ui/asides';
import type { ModelProblem } from '../../ui/model-field';
import { idle, runningPhase } from '../../ui/phase';
import {
  devicesOf,
  failedRun,
  initialModel,
  initialRun,
  receiveCommon,
  started,
  type ModelState,
  type RunState,
  type RunView,
} from '../../ui/run-state';
import { toForm, type Form } from './form';

/** What a person arranged; survives a reload. */
export interface View extends RunView {
  /** By the id of the section. */
  readonly sections: Readonly<Record<string, SectionView>>;
}

/** What was asked of a section, and what came back. */
export interface Answer {
  readonly request: number;
  readonly question: SectionQuestion;
  readonly section?: Section;
  /** Made here: the attention of the head. Nothing was asked of the analysis. */
  readonly own?: true;
  readonly problem?: string;
}

interface Estimated {
  readonly request: number;
  /** Absent: on its way. */
  readonly estimate?: AnalysisEstimate;
}

/** The prompt as the model reads it: what regions are drawn on. */
export interface ReadPrompt {
  readonly request: number;
  /** Model and prompt, written. */
  readonly of: string;
  readonly folder: string;
  /** Of the prompt before, while this one is on its way. */
  readonly isOld?: true;
  /** Both absent: on its way. */
  readonly prompt?: Tokenised;
  readonly problem?: string;
}

type Comparison = NonNullable<Extract<ToWorkbench, { kind: 'open' }>['compareWith']>;

export interface State extends RunState<Form, View>, Omit<ModelState, 'typed' | 'typedProblem'> {
  readonly analyses: readonly AnalysisInfo[];
  readonly tasks: readonly TaskInfo[];
  readonly demos: Demos;
  readonly modelProblem: ModelProblem | undefined;
  /** Steps of the run that are on disk. */
  readonly kept: number;
  /** What is known of a run that goes on or was stopped. */
  readonly partial: { readonly finding: string; readonly sections: readonly Section[] } | undefined;
  readonly result: AnalysisResult | undefined;
  /** The plan that gave what is shown. */
  readonly shownSetup: AnalysisSetup | undefined;
  readonly compareWith: Comparison | undefined;
  readonly estimated: Estimated | undefined;
  readonly read: ReadPrompt | undefined;
  /** Oldest first. */
  readonly answers: readonly Answer[];
  readonly pictures: ReadonlyMap<string, LoadedPicture>;
}

export const initialView: View = { open: {}, sections: {} };

export const initialState = (place: PanelPlace): State => ({
  ...initialRun(place),
  models: initialModel.models,
  devices: initialModel.devices,
  model: initialModel.model,
  analyses: [],
  tasks: [],
  demos: noDemos,
  modelProblem: undefined,
  kept: 0,
  partial: undefined,
  result: undefined,
  shownSetup: undefined,
  compareWith: undefined,
  estimated: undefined,
  read: undefined,
  answers: [],
  pictures: new Map(),
  view: initialView,
});

export function receive(state: State, message: ToWorkbench): State {
  switch (message.kind) {
    case 'open':
      return receiveOpen(state, message);
    case 'models':
      return { ...state, models: message.models };
    case 'devices':
      return { ...state, devices: devicesOf(message) };
    case 'model':
      return message.model.folder === state.form?.folder
        ? { ...state, model: message.model, modelProblem: undefined }
        : state;
    case 'estimate':
      return message.request === state.estimated?.request
        ? { ...state, estimated: { request: message.request, estimate: message.estimate } }
        : state;
    case 'tokenised':
      return message.request === state.read?.request
        ? { ...state, read: withTokens(state.read, message.tokenised) }
        : state;
    case 'stage':
      return { ...state, phase: runningPhase(state.phase, message), kept: message.kept };
    case 'partial':
      return { ...state, partial: { finding: message.finding, sections: message.sections } };
    case 'result':
      return {
        ...state,
        result: message.result,
        savedAs: message.savedAs,
        partial: undefined,
        phase: idle,
        shownSetup: setupOfShown(message.result),
      };
    case 'answer':
      return answered(state, message.request, { section: message.section });
    case 'tile':
    case 'row':
    case 'picture':
      // The panel decodes bytes first, what it makes of them comes by `withPicture`; who asked for a tile or a row gets it.
      return state;
    case 'chosen':
      return chosen(state, message.field, message.path);
    case 'failed':
      return receiveFailed(state, message);
    case 'overdue':
    case 'notice':
      return receiveCommon(state, message);
    default:
      return unreachable(message);
  }
}

function receiveOpen(state: State, message: Extract<ToWorkbench, { kind: 'open' }>): State {
  const { result } = message;
  const same = result !== undefined && result.created === state.result?.created;
  return {
    ...state,
    opened: true,
    place: message.place,
    analyses: message.analyses,
    tasks: message.tasks,
    demos: message.demos ?? noDemos,
    models: message.models,
    devices: devicesOf(message.devices),
    canRun: message.canRun,
    form: state.form ?? toForm(message.plan),
    model: message.model ?? state.model,
    result: result ?? undefined,
    partial: result ? undefined : state.partial,
    shownSetup: result ? setupOfShown(result) : state.shownSetup,
    savedAs: message.savedAs,
    compareWith: message.compareWith,
    answers: same ? state.answers : [],
    asides: opened(state.asides, message),
  };
}

/** With the device where it ran. */
const setupOfShown = (result: AnalysisResult): AnalysisSetup => ({
  ...setupOfAnalysis(result),
  device: result.device.id,
});

/** A run begins: what a person arranged stays, so that a cursor is still there when the first numbers come. */
export const begun = (state: State, plan: AnalysisSetup): State => ({
  ...started(state, {
    shownSetup: plan,
    result: undefined,
    partial: undefined,
    savedAs: undefined,
    compareWith: undefined,
    answers: [],
  }),
  kept: 0,
});

function answered(
  state: State,
  request: number,
  what: { readonly section?: Section; readonly problem?: string },
): State {
  return {
    ...state,
    answers: state.answers.map((one) => (one.request === request ? { ...one, ...what } : one)),
  };
}

const withTokens = ({ request, of, folder }: ReadPrompt, prompt: Tokenised): ReadPrompt => ({
  ...{ request, of, folder, prompt },
});

/** Asked anew: what was read of the same model stays until the answer is there, so that nothing jumps. */
export const reading = (read: ReadPrompt | undefined, next: Omit<ReadPrompt, 'prompt'>): ReadPrompt =>
  read?.prompt && read.folder === next.folder ? { ...next, prompt: read.prompt, isOld: true } : next;

function receiveFailed(state: State, message: Extract<ToWorkbench, { kind: 'failed' }>): State {
  const { request, sentence, folder } = message;
  if (request !== undefined) {
    if (state.estimated?.request === request)
      return { ...state, estimated: { request, estimate: { supported: sentence } } };
    if (state.read?.request === request) return { ...state, read: { ...state.read, problem: sentence } };
    return answered(state, request, { problem: sentence });
  }
  if (folder !== undefined && state.phase.kind !== 'running') return { ...state, modelProblem: { folder, sentence } };
  return failedRun(state, message);
}

/** Begins the names of fields that are parameters of the task. */
export const ofTask = 'input.task.';

function chosen(state: State, field: string, path: string): State {
  const { form } = state;
  if (!form) return state;
  switch (field) {
    case 'input.file':
      return { ...state, form: { ...form, input: { ...form.input, file: path } } };
    case 'input.folder':
      return { ...state, form: { ...form, input: { ...form.input, folder: path } } };
    case 'input.image':
      return { ...state, form: { ...form, input: { ...form.input, image: path } } };
    case 'input.taskFile':
      return { ...state, form: { ...form, input: { ...form.input, taskFile: path } } };
    default:
      if (field.startsWith(ofTask)) {
        const taskParameters = { ...form.input.taskParameters, [field.slice(ofTask.length)]: path };
        return { ...state, form: { ...form, input: { ...form.input, taskParameters } } };
      }
      return { ...state, form: { ...form, parameters: { ...form.parameters, [field]: path } } };
  }
}

export const withPicture = (state: State, path: string, picture: LoadedPicture): State => ({
  ...state,
  pictures: new Map(state.pictures).set(path, picture),
});

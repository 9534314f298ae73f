/** Everything the panel shows, and how a message changes it. No DOM: tests drive it directly. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, AnalysisSetup, SectionQuestion } from '../../../protocol/analysis/schema';
import { noDemos, type Demos } from '../../../protocol/analysis/next-start';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import type { AnalysisEstimate } from '../../../protocol/compute/analyses';
import type { Tokenised } from '../../../protocol/compute/models';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import type { HistoryRow, ShownTabs, WorkbenchTab } from '../../../protocol/panels/workbench-tabs';
import type { Section } from '../../../protocol/sections/section';
import { unreachable } from '../../../protocol/unreachable';
import type { LoadedPicture } from '../../sections/scene';
import type { SectionView } from '../../sections/section-kind';
import { opened } from '../../ui/asides';
import type { ModelProblem } from '../../ui/model-field';
import { failedPhase, idle, runningPhase, type Phase } from '../../ui/phase';
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
import { nothingToUndo, type Undo } from './undo';
import { typedOf, type Typed } from '../../ui/typed-parameters';

/** What a person arranged; survives a reload. */
export interface View extends RunView {
  /** By the tab and the id of the section. */
  readonly sections: Readonly<Record<string, SectionView>>;
  /** Shown instead of the tab in front: the list of questions, the one that was chosen, or the history. */
  readonly front: Front;
  /** Parameters as typed of the questions that are not in the form, by analysis. */
  readonly typed: Readonly<Record<string, Typed>>;
  /** What is typed to find a question, and an earlier result. */
  readonly words: { readonly ask: string; readonly history: string };
}

export type Front = 'tab' | 'ask' | 'question' | 'history';

/** What was asked of a section, and what came back. */
export interface Answer {
  readonly request: number;
  readonly question: SectionQuestion;
  readonly section?: Section;
  /** Made here: the attention of the head. Nothing was asked of the analysis. */
  readonly own?: true;
  readonly problem?: string;
}

/** Earlier results, as asked for last. */
interface HistoryList {
  readonly request: number;
  /** Absent: on their way. */
  readonly rows?: readonly HistoryRow[];
  /** As sentences. */
  readonly problems?: readonly string[];
}

/** A prompt and its counterpart as the model reads them. */
interface ReadPair {
  readonly request: number;
  /** Model, prompt and counterpart, written. */
  readonly of: string;
  readonly prompt?: Tokenised;
  readonly counterpart?: Tokenised;
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
  /** `prompt` still has the tokens of the prompt before, until those of this one arrive. */
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
  /** By the hash of their files. */
  readonly pictures: ReadonlyMap<string, LoadedPicture>;
  /** Absent in the side bar and in editors of files, which show one run. */
  readonly tabs: readonly WorkbenchTab[] | undefined;
  /** Id of the tab in front. */
  readonly active: string | undefined;
  /** A run was asked for, and its tab is not there yet: what another run says is not of it. */
  readonly awaitsTab: boolean;
  /** Answers of the other tabs, by tab. */
  readonly parked: ReadonlyMap<string, readonly Answer[]>;
  readonly history: HistoryList | undefined;
  readonly pair: ReadPair | undefined;
  readonly undo: Undo;
}

export const initialView: View = { open: {}, sections: {}, front: 'tab', typed: {}, words: { ask: '', history: '' } };

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
  tabs: undefined,
  active: undefined,
  awaitsTab: false,
  parked: new Map(),
  history: undefined,
  pair: undefined,
  undo: nothingToUndo,
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
      return isOfAnotherRun(state, message)
        ? state
        : { ...state, phase: runningPhase(state.phase, message), kept: message.kept };
    case 'partial':
      return isOfAnotherRun(state, message)
        ? state
        : { ...state, partial: { finding: message.finding, sections: message.sections } };
    case 'result':
      return isOfAnotherRun(state, message)
        ? state
        : {
            ...state,
            result: message.result,
            savedAs: message.savedAs,
            partial: undefined,
            phase: idle,
            shownSetup: setupOfShown(message.result),
          };
    case 'tabs':
      return receiveTabs(state, message);
    case 'history':
      return message.request === state.history?.request ? { ...state, history: message } : state;
    case 'pair':
      return message.request === state.pair?.request
        ? {
            ...state,
            pair: {
              request: message.request,
              of: state.pair.of,
              prompt: message.prompt,
              counterpart: message.counterpart,
            },
          }
        : state;
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
    ...(message.tabs ? openedTabs(state, message.tabs, result, same) : {}),
    ...(message.tabs && state.opened ? questionOfOpened(state, message, message.tabs) : {}),
    ...(message.asks ? { view: { ...state.view, front: 'question' } } : {}),
  };
}

/** Another tab is in front: what was asked of its sections before stands under them again. */
function openedTabs(
  state: State,
  { tabs, active }: ShownTabs,
  result: AnalysisResult | undefined,
  same: boolean,
): Partial<State> {
  const tab = tabs.find(({ id }) => id === active);
  const parked = new Map(state.parked);
  if (state.active !== undefined) parked.set(state.active, state.answers);
  const open = new Map([...parked].filter(([id]) => tabs.some((one) => one.id === id)));
  return {
    tabs,
    active,
    awaitsTab: false,
    parked: open,
    answers: same && state.active === active ? state.answers : (open.get(active ?? '') ?? []),
    partial: undefined,
    shownSetup: result ? setupOfShown(result) : tab?.setup,
    phase: phaseOf(tab),
    kept: 0,
    replaced: undefined,
  };
}

/** A tab was brought to the front by what was done elsewhere: its question is the one in the form. */
function questionOfOpened(
  state: State,
  { refused }: { readonly refused?: true },
  { tabs, active }: ShownTabs,
): Partial<State> {
  const setup = tabs.find(({ id }) => id === active)?.setup;
  if (!setup || active === state.active) return {};
  if (!refused) return toQuestionOf(state, setup);
  // What was refused is corrected where it was asked; its parameters stand beside a tab of the same question.
  const front = setup.analysis === state.form?.analysis ? 'tab' : 'question';
  return { view: { ...state.view, front } };
}

/** The question of a tab in the form, with its parameters: the request beside it stays. */
export function toQuestionOf(state: State, setup: AnalysisSetup): Pick<State, 'form' | 'view'> {
  const { form, view } = state;
  if (!form) return { form, view: { ...view, front: 'tab' } };
  return {
    form: { ...form, analysis: setup.analysis, parameters: typedOf(setup.parameters) },
    view: { ...view, front: 'tab', typed: { ...view.typed, [form.analysis]: form.parameters } },
  };
}

function phaseOf(tab: WorkbenchTab | undefined): Phase {
  if (tab?.standing) return runningPhase(idle, tab.standing);
  return tab?.failed === undefined ? idle : failedPhase({ sentence: tab.failed });
}

/** The tab that the page has asked for is in front: what it shows stays. Another one comes to the front by `open`. */
const receiveTabs = (state: State, { tabs, active }: ShownTabs): State =>
  state.awaitsTab ? { ...state, tabs, active, awaitsTab: active === state.active } : { ...state, tabs };

/** Said by a run whose tab is not in front. */
function isOfAnotherRun({ tabs, active, awaitsTab }: State, { run }: { readonly run?: number }): boolean {
  if (tabs === undefined || run === undefined) return false;
  return awaitsTab || tabs.find(({ id }) => id === active)?.run !== run;
}

/** The request of a result, with the device where it ran. */
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
  ...(state.tabs === undefined ? {} : whileAwaiting(state)),
});

const whileAwaiting = (state: State): Partial<State> => ({
  awaitsTab: true,
  view: { ...state.view, front: 'tab' },
  parked: state.active === undefined ? state.parked : new Map(state.parked).set(state.active, state.answers),
});

function answered(
  state: State,
  request: number,
  what: { readonly section?: Section; readonly problem?: string },
): State {
  return {
    ...state,
    answers: withAnswer(state.answers, request, what),
    parked: new Map([...state.parked].map(([tab, answers]) => [tab, withAnswer(answers, request, what)])),
  };
}

const withAnswer = (answers: readonly Answer[], request: number, what: Partial<Answer>): readonly Answer[] =>
  answers.map((one) => (one.request === request ? { ...one, ...what } : one));

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
    if (state.pair?.request === request) return { ...state, pair: { ...state.pair, problem: sentence } };
    if (state.history?.request === request) return { ...state, history: { request, rows: [], problems: [sentence] } };
    if (state.read?.request === request) return { ...state, read: { ...state.read, problem: sentence } };
    return answered(state, request, { problem: sentence });
  }
  if (folder !== undefined && state.phase.kind !== 'running') return { ...state, modelProblem: { folder, sentence } };
  const failed = failedRun(state, message);
  // A run that was refused at once has no tab to wait for.
  return message.refused ? { ...failed, awaitsTab: false } : failed;
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
    case 'input.taskFile': {
      // A pair that was written as a task is asked as one.
      const asTask = { kind: 'task', taskFrom: 'file', samples: '1' } as const;
      const change = form.input.kind === 'prompt-pair' ? asTask : {};
      return { ...state, form: { ...form, input: { ...form.input, ...change, taskFile: path } } };
    }
    default:
      if (field.startsWith(ofTask)) {
        const taskParameters = { ...form.input.taskParameters, [field.slice(ofTask.length)]: path };
        return { ...state, form: { ...form, input: { ...form.input, taskParameters } } };
      }
      return { ...state, form: { ...form, parameters: { ...form.parameters, [field]: path } } };
  }
}

export const withPicture = (state: State, sha256: string, picture: LoadedPicture): State => ({
  ...state,
  pictures: new Map(state.pictures).set(sha256, picture),
});

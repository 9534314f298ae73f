/** Everything the panel shows. No DOM: tests drive it directly. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, AnalysisSetup, SectionQuestion } from '../../../protocol/analysis/schema';
import { noDemos, type Demos } from '../../../protocol/analysis/next-start';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import type { AnalysisEstimate } from '../../../protocol/compute/analyses';
import type { Tokenised } from '../../../protocol/compute/models';
import type { BesidePicture, ModelCard, ToWorkbench } from '../../../protocol/panels/workbench';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import type { HistoryRow, WorkbenchTab } from '../../../protocol/panels/workbench-tabs';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { LoadedPicture } from '../../sections/scene';
import type { PointedTokens } from '../../sections/looked-tokens';
import type { SectionView } from '../../sections/section-kind';
import type { ModelProblem } from '../../ui/model-field';
import { initialModel, initialRun, started, type ModelState, type RunState, type RunView } from '../../ui/run-state';
import type { Form } from './form';
import { initialReinforcing, type Reinforcing } from './reinforcing';
import { initialTrying, type Trials, type Trying } from './trial';
import { nothingToUndo, type Undo } from './undo';
import type { Typed } from '../../ui/typed-parameters';

/** What a person arranged; survives a reload. */
export interface View extends RunView {
  /** By the tab and the id of the section. */
  readonly sections: Readonly<Record<string, SectionView>>;
  readonly front: Front;
  /** The question in the form is that of Look. */
  readonly look: boolean;
  /** Parameters as typed of the questions that are not in the form, by `questionKey` (`look.ts`). */
  readonly typed: Readonly<Record<string, Typed>>;
  /** How captions shall be reinforced. */
  readonly reinforcing: Reinforcing;
  /** What is typed to find a question, and an earlier result. */
  readonly words: { readonly ask: string; readonly history: string };
  readonly trying: Trying;
  /** The next runs go on when the window closes. */
  readonly keepRunning: boolean;
}

/** What is in front: a tab or, instead of one, Look before its first result, the questions, the chosen one, or the history. */
export type Front = 'tab' | 'look' | 'ask' | 'question' | 'history';

/** What was asked of a section, and what came back. */
export interface Answer {
  readonly request: number;
  readonly question: SectionQuestion;
  readonly section?: Section;
  /** Made here: the attention of the head. Nothing was asked of the analysis. */
  readonly own?: true;
  /** It follows what is chosen: the next question of its kind takes its place. */
  readonly live?: true;
  /** `section` answered the question before, until the answer to this one is there. */
  readonly isOld?: true;
  readonly problem?: string;
  /** How far it is, where the answer becomes a part of the result. */
  readonly going?: Going;
}

/** `sections`: those of the result with what is known of its new part. */
type Going = Omit<Extract<ToWorkbench, { readonly kind: 'extending' }>, 'kind' | 'request'>;

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
  /** The same without what makes a look slow (`look-runs.ts`). */
  readonly brief?: Omit<Estimated, 'brief'>;
}

/** The request that Look was last asked to run by itself. */
interface Looked {
  /** The plan in the form, written. */
  readonly of: string;
  /** It was not run or failed: it waits for Run. */
  readonly over?: true;
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

/** What lies beside the picture, or in the folder of pictures, of the form. */
interface Beside {
  readonly request: number;
  /** The picture or the folder. */
  readonly of: string;
  /** It and `failed` absent: on its way. */
  readonly found?: BesidePicture;
  /** Nothing lies there, or it cannot be read. */
  readonly failed?: true;
  /** Run was pressed, and begins with the answer. */
  readonly runs?: true;
}

type Comparison = NonNullable<Extract<ToWorkbench, { kind: 'open' }>['compareWith']>;

export interface State extends RunState<Form, View>, Omit<ModelState, 'typed' | 'typedProblem'> {
  readonly analyses: readonly AnalysisInfo[];
  readonly tasks: readonly TaskInfo[];
  readonly demos: Demos;
  readonly modelProblem: ModelProblem | undefined;
  /** Steps of the run that are on disk. */
  readonly kept: number;
  /** The run goes on when the window closes. */
  readonly outlasts: boolean;
  /** What a person should know of the run, as a sentence. */
  readonly runNote: string | undefined;
  /** That the documents of a result have changed since. */
  readonly corpusNote: Extract<ToWorkbench, { kind: 'corpusNote' }> | undefined;
  /** What is known of a run that goes on or was stopped. */
  readonly partial: { readonly finding: string; readonly sections: readonly Section[] } | undefined;
  readonly result: AnalysisResult | undefined;
  /** The plan that gave what is shown. */
  readonly shownSetup: AnalysisSetup | undefined;
  readonly compareWith: Comparison | undefined;
  readonly estimated: Estimated | undefined;
  readonly looked: Looked | undefined;
  readonly read: ReadPrompt | undefined;
  /** Oldest first. */
  readonly answers: readonly Answer[];
  /** By the hash of their files. */
  readonly pictures: ReadonlyMap<string, LoadedPicture>;
  /** Absent in the side bar and in editors of files, which show one run. */
  readonly tabs: readonly WorkbenchTab[] | undefined;
  /** A head that was named elsewhere, to be opened in Look once it has a result; with `ids`, once that is of this prompt. */
  readonly select: (HeadPlace & { readonly query?: number; readonly ids?: readonly number[] }) | undefined;
  /** Id of the tab in front. */
  readonly active: string | undefined;
  /** A run was asked for, and its tab is not there yet: what another run says is not of it. */
  readonly awaitsTab: boolean;
  /** Answers of the other tabs, by tab. */
  readonly parked: ReadonlyMap<string, readonly Answer[]>;
  readonly history: HistoryList | undefined;
  readonly pair: ReadPair | undefined;
  readonly beside: Beside | undefined;
  /** The model that was asked about last; without `card`, its folder has none. */
  readonly card: { readonly folder: string; readonly card?: ModelCard } | undefined;
  /** Tokens of a source and a target that are under the pointer; absent: none is. */
  readonly pointed?: PointedTokens;
  /** Parameters by name, as they were filled last with what lies beside the picture. */
  readonly filled: Typed;
  readonly trials: Trials;
  readonly undo: Undo;
}

export const initialView: View = {
  reinforcing: initialReinforcing,
  open: {},
  sections: {},
  front: 'tab',
  look: false,
  typed: {},
  words: { ask: '', history: '' },
  trying: initialTrying,
  keepRunning: false,
};

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
  outlasts: false,
  runNote: undefined,
  corpusNote: undefined,
  partial: undefined,
  result: undefined,
  shownSetup: undefined,
  compareWith: undefined,
  estimated: undefined,
  looked: undefined,
  read: undefined,
  answers: [],
  pictures: new Map(),
  tabs: undefined,
  select: undefined,
  active: undefined,
  awaitsTab: false,
  parked: new Map(),
  history: undefined,
  pair: undefined,
  beside: undefined,
  card: undefined,
  filled: {},
  trials: new Map(),
  undo: nothingToUndo,
  // A workbench without results begins with Look.
  view: { ...initialView, look: place === 'full' },
});

/** A run begins: what a person arranged stays, so that a cursor is still there when the first numbers come. */
export const begun = (state: State, plan: AnalysisSetup): State => ({
  ...started(state, {
    shownSetup: plan,
    result: undefined,
    partial: undefined,
    savedAs: undefined,
    compareWith: undefined,
    // Heads that are open in Look stay open in the next one that asks the same.
    answers: state.view.look && state.result?.analysis === plan.analysis ? state.answers.filter(({ own }) => own) : [],
  }),
  kept: 0,
  outlasts: false,
  runNote: undefined,
  ...(state.tabs === undefined ? {} : whileAwaiting(state)),
});

const whileAwaiting = (state: State): Partial<State> => ({
  awaitsTab: true,
  view: { ...state.view, front: 'tab' },
  parked: state.active === undefined ? state.parked : new Map(state.parked).set(state.active, state.answers),
});

/** Asked anew: what was read of the same model stays until the answer is there, so that nothing jumps. */
export const reading = (read: ReadPrompt | undefined, next: Omit<ReadPrompt, 'prompt'>): ReadPrompt =>
  read?.prompt && read.folder === next.folder ? { ...next, prompt: read.prompt, isOld: true } : next;

/** Begins the names of fields that are parameters of the task. */
export const ofTask = 'input.task.';

export const withPicture = (state: State, sha256: string, picture: LoadedPicture): State => ({
  ...state,
  pictures: new Map(state.pictures).set(sha256, picture),
});

/**
 * Messages between the extension and the workbench. The panel speaks first: it posts `ready`, the extension replies with
 * `open`, which holds everything needed to draw and may be sent again as the whole new state.
 */
import type { AnalysisInfo, AnalysisProgress } from '../analysis/analysis';
import type { AnalysisSetup, AnalysisResult } from '../analysis/schema';
import type { Demos } from '../analysis/next-start';
import type { ModelSummary } from '../schema/parts';
import type { TaskInfo } from '../analysis/tasks';
import type { AnalysisEstimate } from '../compute/analyses';
import type { HeadPlace } from '../schema/written-form';
import type { Tokenised } from '../compute/models';
import type { Section } from '../sections/section';
import type { HeadAnswer } from './head-messages';
import type { DeviceChoices, ModelChoice, PanelPlace, ToModelRunPanel, WaitingModel } from './run-panel';
import { choiceOfHeld } from '../inputs/weights';
import type { TryAnswer } from './try-messages';
import type { HistoryRow, ShownTabs } from './workbench-tabs';

/** The plan that a result was made by: what can be run again. */
export const setupOfAnalysis = ({
  analysis,
  model,
  input,
  parameters,
  interventions,
  seed,
  weights,
}: AnalysisResult): AnalysisSetup => ({
  analysis,
  folder: model.folder,
  ...(model.adapter === undefined ? {} : { adapter: model.adapter }),
  ...(weights === undefined ? {} : { weights: choiceOfHeld(weights) }),
  input,
  parameters,
  interventions,
  seed,
});

/** What lies beside a picture, or in a folder of pictures. */
export interface BesidePicture {
  /** What the truth of the folder names in the picture. */
  readonly objects?: readonly string[];
  /** Path of the truth. */
  readonly truth?: string;
  /** Path of a lexicon; empty: there is none. */
  readonly lexicon?: string;
  /** Pictures of the folder that have a truth. */
  readonly pictures?: number;
  /** What is missing or was left out, as a sentence. */
  readonly note?: string;
}

/** The README.md of a model folder. */
export interface ModelCard {
  readonly folder: string;
  /** Where it mentions reinforcement: a line from 0, and its text where that is a heading; absent: nowhere. */
  readonly reinforcement?: { readonly line: number; readonly heading?: string };
}

/** Sent by the extension to the panel. */
export type ToWorkbench =
  | ToModelRunPanel
  | {
      readonly kind: 'open';
      readonly place: PanelPlace;
      readonly analyses: readonly AnalysisInfo[];
      readonly tasks: readonly TaskInfo[];
      /** What a form can begin with; absent where nothing comes with the extension. */
      readonly demos?: Demos;
      readonly models: readonly ModelChoice[];
      readonly devices: DeviceChoices;
      readonly plan: AnalysisSetup;
      readonly replaces?: true;
      readonly model?: ModelSummary;
      readonly result?: AnalysisResult;
      readonly compareWith?: {
        readonly name: string;
        readonly result: AnalysisResult;
        /** Sections of both results; they follow in a second opening, as the compute server makes them. */
        readonly sections?: readonly Section[];
      };
      readonly canRun: true | string;
      readonly savedAs?: string;
      readonly waiting?: WaitingModel;
      /** Absent in the side bar and in editors of files. */
      readonly tabs?: ShownTabs;
      /** The plan was asked for elsewhere: its question is in front, or Look at its request. */
      readonly asks?: 'question' | 'look';
      /** With Look: the head that is opened in it. */
      readonly select?: HeadPlace & { readonly query?: number | undefined };
      /** The run that was in front was refused: its question stays in the form, to be corrected. */
      readonly refused?: true;
    }
  /** Answer to `estimate`: what the plan in the form would take; `request` as it came. */
  | { readonly kind: 'estimate'; readonly request: number; readonly estimate: AnalysisEstimate }
  /** Answer to `tokenise`; `request` as it came. */
  | { readonly kind: 'tokenised'; readonly request: number; readonly tokenised: Tokenised }
  /** Answer to `card`; no card: the folder has none. */
  | { readonly kind: 'card'; readonly folder: string; readonly card?: ModelCard }
  /** Answer to `beside`; `request` as it came. */
  | { readonly kind: 'beside'; readonly request: number; readonly beside: BesidePicture }
  /** `run`: the number of the run that says it, where tabs tell runs apart. */
  | (AnalysisProgress & { readonly run?: number })
  | { readonly kind: 'result'; readonly result: AnalysisResult; readonly savedAs?: string; readonly run?: number }
  /** A Look has begun in this tab, by itself or because a person ran it; absent: it was to run by itself, and the machine is busy. */
  | { readonly kind: 'looks'; readonly tab?: string; readonly byItself?: true }
  /** A tab came, went, moved on or was brought to the front. */
  | ({ readonly kind: 'tabs' } & ShownTabs)
  /** Answer to `history`, and again when the history has changed; `request` as it came. */
  | {
      readonly kind: 'history';
      readonly request: number;
      readonly rows: readonly HistoryRow[];
      /** What a person should know of the history, as sentences. */
      readonly problems?: readonly string[];
    }
  /** The documents of the result that was made then are others now. */
  | { readonly kind: 'corpusNote'; readonly created: string; readonly sentence: string }
  /** Answer to `tokenisePair`; `request` as it came. */
  | {
      readonly kind: 'pair';
      readonly request: number;
      readonly prompt: Tokenised;
      readonly counterpart: Tokenised;
    }
  /** Answer to `ask`: drawn beside or under the section that was asked. */
  | { readonly kind: 'answer'; readonly request: number; readonly section: Section }
  /** How far an `extend` is; `sections`: those of the result with what is known of its new part by then. */
  | {
      readonly kind: 'extending';
      readonly request: number;
      readonly sentence?: string;
      readonly share?: number;
      readonly secondsLeft?: number;
      readonly sections?: readonly Section[];
    }
  /** Answer to `extend`: the result of the same run, which holds more now. */
  | { readonly kind: 'extended'; readonly request: number; readonly result: AnalysisResult }
  | HeadAnswer
  | TryAnswer
  /** Bytes of a picture that an image section names or that regions are drawn on, for the webview to draw. */
  | { readonly kind: 'picture'; readonly sha256: string; readonly mediaType: string; readonly bytes: Uint8Array }
  /** A path that the person chose for a field of the form. */
  | { readonly kind: 'chosen'; readonly field: string; readonly path: string };

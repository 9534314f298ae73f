/** What a heads webview needs of the rest of the extension, and what it starts with. */
import type { Disposable } from 'vscode';
import type { HeadsReply, PromptInput, Tokenised } from '../../../protocol/compute/models';
import type { FromHeadsPanel, HeadsPlan, ModelChoice } from '../../../protocol/panels/heads';
import type { HeadGain, HeadsResult, ModelSummary } from '../../../protocol/results/heads';
import type { Parsed } from '../../results/checks';
import type { HeadAnswers } from './head-answers';
import type { HeadsRun } from './run';

export interface NamedHeads {
  readonly name: string;
  readonly result: HeadsResult;
}

export interface HeadAt {
  readonly layer: number;
  readonly head: number;
}

export type ExportRequest = Extract<FromHeadsPanel, { readonly kind: 'export' }>;

/** Everything a heads webview needs of the rest of the extension. */
export interface HeadsWorld {
  readonly run: HeadsRun;
  readonly answers: HeadAnswers;
  mayRun(): true | string;
  /** The model that comes with the extension; drawn before the others are found. */
  readonly demo: ModelChoice;
  /** The demo model, and the models found in the workspace and the model folders. */
  models(): Promise<readonly ModelChoice[]>;
  onModels(listener: () => void): Disposable;
  openModel(folder: string): Promise<ModelSummary>;
  tokenise(folder: string, prompt: PromptInput): Promise<Tokenised>;
  /** True when asking the compute server starts nothing. */
  serverIsUp(): boolean;
  /** The plan as it was left, or the demo. */
  plan(): HeadsPlan;
  keepPlan(plan: HeadsPlan): void;
  openFull(plan: HeadsPlan, select: HeadAt | undefined): void;
  /** Lets the person choose a model folder. */
  browse(): Promise<string | undefined>;
  /** Saves among the results and returns where, in words. */
  save(reply: HeadsReply): Promise<string>;
  saveLabels(result: HeadsResult): Promise<void>;
  saveIntervention(model: ModelSummary, gains: readonly HeadGain[]): Promise<void>;
  /** Gains from a file that the person chooses; undefined when they thought better of it. */
  loadIntervention(model: ModelSummary | undefined): Promise<readonly HeadGain[] | undefined>;
  /** Lets the person choose another result. */
  choose(other: HeadsResult | undefined): Promise<NamedHeads | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
  /** A failure outside a run. */
  report(sentence: string, details?: string): void;
}

/** A saved result that is shown as an editor. */
export interface ShownFile {
  readonly name: string;
  /** Undefined with a sentence when the text is no result of heads. */
  read(): Parsed<HeadsReply>;
}

export interface HeadsStart {
  readonly file?: ShownFile;
  readonly plan?: HeadsPlan;
  readonly select?: HeadAt;
  /** The last result of this workspace. */
  readonly shown?: HeadsReply;
}

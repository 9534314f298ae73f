/** What a heads webview needs of the rest of the extension, and what it starts with. */
import type { HeadsReply, PromptInput, Tokenised } from '../../../protocol/compute/models';
import type { FromHeadsPanel, HeadsPlan } from '../../../protocol/panels/heads';
import type { HeadGain, HeadsResult, ModelSummary } from '../../../protocol/results/heads';
import type { PanelStart, PanelWorld } from '../model-panel-host';
import type { HeadAnswers } from './head-answers';
import type { HeadsRun, RunEvent } from './run';

export interface NamedHeads {
  readonly name: string;
  readonly result: HeadsResult;
}

export type ExportRequest = Extract<FromHeadsPanel, { readonly kind: 'export' }>;

/** Everything a heads webview needs of the rest of the extension. */
export interface HeadsWorld extends PanelWorld<HeadsPlan, RunEvent> {
  readonly run: HeadsRun;
  readonly answers: HeadAnswers;
  tokenise(folder: string, prompt: PromptInput): Promise<Tokenised>;
  /** Saves among the results and returns where, in words. */
  save(reply: HeadsReply): Promise<string>;
  /** These three say to `told` what was written. */
  saveLabels(result: HeadsResult, told: (sentence: string) => void): Promise<void>;
  saveIntervention(model: ModelSummary, gains: readonly HeadGain[], told: (sentence: string) => void): Promise<void>;
  /** Gains from a file that the person chooses; undefined when they thought better of it. */
  loadIntervention(model: ModelSummary | undefined): Promise<readonly HeadGain[] | undefined>;
  /** Lets the person choose another result. */
  choose(other: HeadsResult | undefined): Promise<NamedHeads | undefined>;
  export(request: ExportRequest, told: (sentence: string) => void): Promise<void>;
}

export type HeadsStart = PanelStart<HeadsPlan, HeadsReply>;

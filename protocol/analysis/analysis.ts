/** The catalogue of analyses as it reaches the command line and the panel, and what a run of one is asked, says and saves. */
import type { EncoderInput, OnDevice, PromptInput } from '../compute/models';
import type { Intervention } from '../interventions/interventions';
import type { ChatPrompt } from '../results/chat-prompt';
import type { Plan } from '../plans/plan-file';
import type { ModelSummary, Parity } from '../results/heads';
import type { ImageSpan } from '../results/image';
import type { Provenance } from '../results/provenance';
import type { Section } from '../sections/section';
import type { ParameterTable, ParameterValues } from './parameters';

export const analysisGroups = [
  'patterns',
  'retrieval',
  'circuits',
  'facts',
  'vision',
  'interventions',
  'plans',
  'training',
] as const;
export type AnalysisGroup = (typeof analysisGroups)[number];

export const groupTitles: Readonly<Record<AnalysisGroup, string>> = {
  patterns: 'Patterns',
  retrieval: 'Retrieval',
  circuits: 'Circuits',
  facts: 'Facts',
  vision: 'Vision',
  interventions: 'Interventions',
  plans: 'Cache plans',
  training: 'Training',
};

export const inputKinds = ['prompt', 'prompt-pair', 'task', 'corpus', 'image', 'image-set', 'none'] as const;
export type InputKind = (typeof inputKinds)[number];

/** How far the definition can be trusted: as published, as in the authors' code, or with a choice of ours (said in `note`). */
export interface AnalysisSource {
  /** Paper and section, e.g. `arXiv:2404.15574, section 2`. */
  readonly reference: string;
  readonly trust: 'high' | 'medium' | 'low';
  /** What was chosen where the source leaves a choice open. */
  readonly note?: string;
}

/** One row of the catalogue. */
export interface AnalysisInfo {
  /** Names the command, the palette entry and the kind of the saved result: never changed. */
  readonly id: string;
  readonly title: string;
  /** What a person wants to know, e.g. `Which heads fetch a fact from far back?` */
  readonly question: string;
  readonly group: AnalysisGroup;
  readonly source: AnalysisSource;
  /** What it can read; the first is offered first. */
  readonly inputs: readonly [InputKind, ...InputKind[]];
  /** What a form begins with that reads a task; absent: a task that every model can be asked. */
  readonly usualTask?: { readonly task: string; readonly samples: number };
  /** Fields of the result that others read in this form: each may be written as a JSON file of its own. */
  readonly files?: readonly { readonly field: string; readonly title: string }[];
  /** Its numbers are sums or differences that hold for exact weights alone: the model is opened with them, whatever was chosen. */
  readonly exactWeights?: true;
  /** It reads pictures and no text: of a model with a vision encoder the encoder is what it looks at. */
  readonly encoder?: true;
  /** It needs no model: it trains its own and writes it into the folder that its parameter `folder` names. */
  readonly trains?: true;
  /** It can write a new checkpoint, into the folder that its parameter `folder` names: a method of `headscope convert`. */
  readonly converts?: true;
  readonly parameters: ParameterTable;
}

/** What an analysis reads, as a person gives it. */
export type AnalysisInput =
  | { readonly kind: 'prompt'; readonly prompt: PromptInput | EncoderInput }
  | { readonly kind: 'prompt-pair'; readonly prompt: PromptInput; readonly counterpart: PromptInput }
  /** A task of the catalogue by its id, or a file of a person's own (JSONL, or CSV of facts). */
  | {
      readonly kind: 'task';
      readonly task: string;
      readonly samples: number;
      /** Of the task, by its table; defaults stand for those left out. */
      readonly taskParameters?: ParameterValues;
    }
  /** A JSONL or text file, or a folder of them (docs/corpus.md). */
  | { readonly kind: 'corpus'; readonly file: string }
  | { readonly kind: 'image'; readonly prompt: PromptInput }
  | { readonly kind: 'image-set'; readonly folder: string; readonly prompt: PromptInput; readonly samples: number }
  | { readonly kind: 'none' };

export interface AnalysisRequest extends OnDevice {
  readonly analysis: string;
  /** Of the model; empty where the analysis trains its own. */
  readonly folder: string;
  readonly input: AnalysisInput;
  /** By the names of the table; defaults stand for those left out. */
  readonly parameters: ParameterValues;
  readonly interventions: readonly Intervention[];
  readonly seed: number;
  /** Folder that keeps the steps while the run works; absent: the cache of the compute server. */
  readonly keepIn?: string;
}

export type AnalysisProgress =
  | {
      readonly kind: 'stage';
      readonly sentence: string;
      /** 0..1 */
      readonly share: number;
      readonly secondsLeft?: number;
      /** Steps on disk: the same request goes on behind them. */
      readonly kept: number;
    }
  /** What is known so far. */
  | { readonly kind: 'partial'; readonly finding: string; readonly sections: readonly Section[] };

/** What was read, as it was read. */
export interface AnalysedPrompt {
  readonly text: string | null;
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  readonly image?: ImageSpan;
  readonly chatPrompt?: ChatPrompt;
}

/** What a person can apply elsewhere in one click. */
export interface Offer {
  readonly title: string;
  /** One sentence: what it does and how it was chosen. */
  readonly description: string;
  readonly interventions: readonly Intervention[];
  /** A cache plan that can be saved, edited and evaluated; `interventions` applies it. */
  readonly plan?: Plan;
}

/** A result as it is shown, saved (`*.headscope-analysis.json`) and printed (`headscope run`). */
export interface AnalysisResult extends Provenance {
  readonly kind: 'headscope-analysis';
  readonly version: 1;
  readonly analysis: string;
  readonly title: string;
  readonly model: ModelSummary;
  readonly input: AnalysisInput;
  /** The prompts that were read: one, or the prompt and its counterpart; those of a task or a corpus are in the result. */
  readonly prompts: readonly AnalysedPrompt[];
  readonly parameters: ParameterValues;
  readonly interventions: readonly Intervention[];
  readonly finding: string;
  /** By the schema of the analysis; NaN is written as null. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly sections: readonly Section[];
  readonly offers?: readonly Offer[];
  /** The instrumented run against the plain model on the first prompt; absent where no prompt was read. */
  readonly parity?: Parity;
  readonly seconds: number;
}

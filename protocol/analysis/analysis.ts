/** The catalogue of analyses as it reaches the command line and the panel, and what a run of one is asked, says and saves. */
import type { Section } from '../sections/section';
import type { ParameterTable } from './parameters';

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
  /** Pictures that its parameters name are what it reads: of a model with two encoders the vision encoder is run. */
  readonly readsPictures?: true;
  /**
   * Whether it runs on an encoder-decoder, which reads a source and a target: on no other model, or on others as well. Absent: an
   * encoder-decoder is refused.
   */
  readonly sources?: 'only' | 'also';
  /** It reads the attention maps of the prompt and nothing else, so that captured ones will do. */
  readonly readsMaps?: true;
  /** It needs no model: it trains its own and writes it into the folder that its parameter `folder` names. */
  readonly trains?: true;
  /** It can write a new checkpoint, into the folder that its parameter `folder` names: a method of `headscope convert`. */
  readonly converts?: true;
  readonly parameters: ParameterTable;
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
      /** What a person should know of the run, as a sentence. */
      readonly note?: string;
      /** It goes on when the window closes. */
      readonly outlasts?: true;
    }
  /** What is known so far. */
  | { readonly kind: 'partial'; readonly finding: string; readonly sections: readonly Section[] };

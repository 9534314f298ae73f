/**
 * What an experiment is: an analysis that needs no model, because it trains its own. It is listed in `catalogue.ts` beside the others and
 * has the same form, panel, saved file and command; the model of its result is the first that it wrote, and answers its questions. One
 * that wrote networks of no known family alone is asked nothing.
 */
import type { Parameter } from '../protocol/analysis/parameters';
import type { ParameterValues, ModelSummary } from '../protocol/schema/parts';
import type { Analysis, AnalysisJob, Step, Work } from './analysis';
import type { CancelSignal, ModelRunner } from './model-runner/model-runner';
import type { Trainer } from './model-runner/trainer';
import * as field from '../kernels/parameters';

/** A model as the files of a Hugging Face checkpoint. */
export interface CheckpointFiles {
  /** config.json */
  readonly config: object;
  /** float32, row-major, by the names that the family stores them under. */
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  /** tokenizer.json and tokenizer_config.json */
  readonly tokenizer?: { readonly tokenizer: object; readonly config: object };
  /** Further files by name, e.g. prompts to ask it. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** Trained networks that are models of no known family. */
export interface NetworkFiles {
  /** What they share, for the summary of the result. */
  readonly size: Pick<ModelSummary, 'layers' | 'heads' | 'headDim' | 'hiddenSize'>;
  /** config.json: settings, and what each file holds. */
  readonly config: Readonly<Record<string, unknown>>;
  /** By the name of a file without `.safetensors`: weights by their published names. */
  readonly weights: Readonly<Record<string, CheckpointFiles['tensors']>>;
  /** Further files by name. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** What an experiment works with. */
export interface Workbench {
  readonly trainer: Trainer;
  /** Aborts what is run through it when the person cancels. */
  readonly signal: CancelSignal;
  /**
   * Writes a checkpoint into the folder of the experiment, or into a folder of that name below it, and opens it. One model is open
   * at a time: the runner of one that was opened before is not used again.
   */
  model(files: CheckpointFiles, name?: string): Promise<ModelRunner>;
  /**
   * Writes networks that no panel can open as a model into the folder of the experiment, and gives the folder. The panel of modules and
   * `headscope module` read their weights where they are those of a module.
   */
  networks(files: NetworkFiles): Promise<string>;
}

export interface Experiment<
  P extends ParameterValues = ParameterValues,
  R extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>,
> extends Omit<Analysis<P, R>, 'inputs' | 'supports' | 'estimate' | 'run'> {
  readonly trains: true;
  readonly inputs: readonly ['none'];
  /** Bytes that it holds beside its models. */
  estimate(parameters: P): Pick<Work, 'bytes'>;
  run(bench: Workbench, job: AnalysisJob<P>): AsyncGenerator<Step<R>, R>;
}

/** Name of the parameter that every experiment has: where its models are written. */
export const folderParameter = 'folder';

export const folderField: Parameter = field.folder(
  'Folder of the model',
  'An empty folder, or one that this experiment wrote before; empty: a folder in the storage of Headscope',
);

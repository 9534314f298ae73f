/** headscope-lib: what a script can ask of a model. */
import type { AnalysisInfo, AnalysisProgress } from '../../protocol/analysis/analysis';
import type { AnalysisInput, AnalysisResult } from '../../protocol/analysis/schema';
import type { GenerateProgress, GenerateReply, Tokenised } from '../../protocol/compute/models';
import type { EncoderInput, PromptInput } from '../../protocol/inputs/prompt';
import type { WeightChoice } from '../../protocol/inputs/weights';
import type { Intervention } from '../../protocol/interventions/interventions';
import type { NextToken } from '../../protocol/results/heads';
import type { HeadStatistics } from '../../protocol/results/heads-schema';
import type { ChatPrompt, ImageSpan, ModelSummary, ParameterValues, Parity } from '../../protocol/schema/parts';
import type { Tensor } from './tensor';

export interface OpenOptions {
  /** Id of a device as `headscope devices` lists it; absent: `cpu`. */
  readonly device?: string;
  /** How weights are held; absent: `as-stored`, which is exact. */
  readonly weights?: WeightChoice;
  /** Folder of a PEFT adapter that is put on the model. */
  readonly adapter?: string;
  /** Absent: as many as the runtime chooses. */
  readonly threads?: number;
  /** Bytes that the model and a run may take; absent: 70 % of the memory of the machine. */
  readonly memoryLimit?: number;
  /** Folder for what is kept between runs; absent: the cache folder of the user. */
  readonly cacheFolder?: string;
  /** Warnings, one sentence each. */
  readonly onWarning?: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

/** A text, or token ids, a chat message, a picture with a text, the source and target of an encoder-decoder. */
export type Prompt = string | PromptInput;

/** Changes of a run, as objects or in their written form, such as `head:2.5=zero` or `head:1.*=mean` (docs/interventions.md). */
export type Changes = readonly (Intervention | string)[];

export interface HeadPlace {
  /** Both from 0. */
  readonly layer: number;
  readonly head: number;
}

export interface RunOptions {
  /** Names of docs/model-taps.md, such as `layer.3.residual`. */
  readonly taps?: readonly string[];
  /** Rows for which taps are kept, from 0; absent: all. */
  readonly rows?: readonly number[];
  /** Heads whose attention is read. */
  readonly attention?: readonly HeadPlace[];
  /** Numbers of every head (docs/heads-json.md). */
  readonly statistics?: boolean;
  /** Rows whose logits are read; absent: the last, if the model has a language head. */
  readonly logits?: 'last' | 'all' | 'none';
  /** Mean loss of the next token over the prompt, in nats. */
  readonly loss?: boolean;
  /** How many of the most probable next tokens are named; absent: 10, or none without a language head. */
  readonly top?: number;
  readonly interventions?: Changes;
  readonly signal?: AbortSignal;
}

export interface Run {
  /** For an encoder-decoder the rows of the decoder. */
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  /** What the encoder of an encoder-decoder read. */
  readonly source?: { readonly ids: readonly number[]; readonly tokens: readonly string[] };
  readonly image?: ImageSpan;
  readonly chatPrompt?: ChatPrompt;
  /** [vocabulary] of the last row, or [rows, vocabulary] with `logits: 'all'`. */
  readonly logits?: Tensor;
  /** By name. Shapes are those of docs/model-taps.md without their first axis, `b`. */
  readonly taps: Readonly<Record<string, Tensor>>;
  /** [queries, keys] of each head of `attention`, in that order. */
  readonly attention: readonly Tensor[];
  /** [layers][heads]; NaN where the prompt has no query that counts. */
  readonly statistics?: { readonly [K in keyof HeadStatistics]: readonly (readonly number[])[] };
  /** Mean of -ln of the probability of the token that follows, in nats, over all rows but the last. */
  readonly loss?: number;
  /** The most probable next tokens, the first the most probable. */
  readonly top: readonly NextToken[];
  /** How far the instrumented run is from the plain one. */
  readonly parity: Parity;
}

export interface GenerateOptions {
  /** Absent: 32. */
  readonly maxNewTokens?: number;
  /** 0 takes the most probable token; absent: 0. */
  readonly temperature?: number;
  /** Absent: 1. */
  readonly topP?: number;
  /** Absent: 0. */
  readonly seed?: number;
  /** Numbers of every head for each token, in `onToken`. */
  readonly statistics?: boolean;
  readonly interventions?: Changes;
  readonly onToken?: (token: GenerateProgress) => void;
  readonly signal?: AbortSignal;
}

export interface AnalyseOptions {
  /** Short for `input: { kind: 'prompt', prompt }`. */
  readonly prompt?: Prompt;
  readonly input?: AnalysisInput;
  /** By the table of the analysis; defaults stand for those left out. */
  readonly parameters?: ParameterValues;
  readonly interventions?: Changes;
  /** Absent: 0. */
  readonly seed?: number;
  /** Folder that keeps finished steps, so that a run goes on behind them. */
  readonly keepIn?: string;
  readonly onProgress?: (progress: AnalysisProgress) => void;
  readonly signal?: AbortSignal;
}

/** An open model, in a process of its own. Calls wait for each other. */
export interface Model {
  readonly summary: ModelSummary;
  tokenise(prompt: Prompt): Promise<Tokenised>;
  /** One run. A picture alone is read by the vision encoder. */
  run(prompt: Prompt | EncoderInput, options?: RunOptions): Promise<Run>;
  generate(prompt: Prompt, options?: GenerateOptions): Promise<GenerateReply>;
  /** The catalogue of analyses. */
  analyses(): Promise<readonly AnalysisInfo[]>;
  /** Runs an analysis of the catalogue. */
  analyse(id: string, options?: AnalyseOptions): Promise<AnalysisResult>;
  /** Ends its process. A script that forgets it ends all the same. */
  close(): void;
}

/** Opens a folder of a checkpoint, or a `.gguf` file. Headers alone are read; weights are when they run. */
export type OpenModel = (path: string, options?: OpenOptions) => Promise<Model>;

/** The part of the compute server's interface that runs models; joined to ComputeMethods in api.ts. */
import type { WeightChoice } from '../inputs/weights';
import type {
  HeadRowRequest,
  HeadTileRequest,
  NextTokensRequest,
  GenerateRequest,
  ModelRunRequest,
  SteeringRequest,
  ServingMeasureRequest,
  CaptionTimeRequest,
} from './model-requests';
import type { EncoderInput, PromptInput } from '../inputs/prompt';
import type { CacheSize } from '../plans/cache-size';
import type { HeadTile, NextToken, NextTokens, FlagPerHead } from '../results/heads';
import type { HeadStatistics } from '../results/heads-schema';
import type { ChatPrompt, ImageSpan, ModelSummary, Parity } from '../schema/parts';
import type { SteeringProgress, SteeringReply } from './steering';
import type { ServingMeasurement } from './serving';

export interface Tokenised {
  /** For an encoder-decoder the rows of the decoder as far as a target was given; `offsets` are then those of the source. */
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  /** Half-open range of each token in the text, where the tokenizer can say it. */
  readonly offsets?: readonly (readonly [start: number, end: number])[];
  /** Where the picture stands among the tokens. */
  readonly image?: ImageSpan;
  readonly chatPrompt?: ChatPrompt;
  /** What the encoder of an encoder-decoder reads. */
  readonly source?: { readonly ids: readonly number[]; readonly tokens: readonly string[] };
}

/** Measured on parts of the model; texts as long as they may be, so that a run takes at most about this. */
export interface CaptionTime {
  /** Once a picture. */
  readonly encodeSeconds: number;
  /** All texts of one prompt. */
  readonly textSeconds: number;
}

export interface GenerateProgress {
  readonly kind: 'token';
  readonly index: number;
  readonly id: number;
  /** Text so far: tokens may join into characters. */
  readonly text: string;
  readonly probability: number;
  /** By layer; the query that produced the token. */
  readonly statistics?: { readonly [K in keyof HeadStatistics]: readonly (readonly number[])[] };
}

export interface GenerateReply {
  /** For an encoder-decoder the rows of the decoder before the first token that was made. */
  readonly promptIds: readonly number[];
  readonly image?: ImageSpan;
  readonly chatPrompt?: ChatPrompt;
  /** What the encoder of an encoder-decoder read. */
  readonly sourceIds?: readonly number[];
  readonly ids: readonly number[];
  readonly text: string;
  readonly logitsLast: Float32Array;
  readonly top: readonly NextToken[];
  readonly parity: Parity;
  /** [layers][heads] that were reinforced. */
  readonly selected?: FlagPerHead;
  /** At the end of the text. */
  readonly cache: CacheSize;
}

/** Numbers in float32, row-major. */
export interface RunTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export interface ModelRun {
  /** For an encoder-decoder the rows of the decoder. */
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  /** What the encoder of an encoder-decoder read. */
  readonly source?: { readonly ids: readonly number[]; readonly tokens: readonly string[] };
  readonly image?: ImageSpan;
  readonly chatPrompt?: ChatPrompt;
  /** [vocabulary] of the last row, or [rows, vocabulary]. */
  readonly logits?: RunTensor;
  /** By name, in the shapes of docs/model-taps.md without their first axis. */
  readonly taps: Readonly<Record<string, RunTensor>>;
  /** [queries, keys] of each head, in the order in which they were asked for. */
  readonly attention: readonly RunTensor[];
  /** [layers][heads]; NaN where the prompt has no query that counts. */
  readonly statistics?: { readonly [K in keyof HeadStatistics]: readonly (readonly number[])[] };
  /** Mean of -ln of the probability of the token that follows, in nats, over all rows but the last. */
  readonly loss?: number;
  /** The most probable next tokens, the first the most probable. */
  readonly top: readonly NextToken[];
  /** How far the instrumented run is from the plain one. */
  readonly parity: Parity;
}

export interface HeadMethods {
  headTile: { args: [request: HeadTileRequest]; result: HeadTile; progress: never };
  /** Outputs of one head before the output projection, [positions, headDim]. */
  headOutputs: { args: [request: Omit<HeadRowRequest, 'query'>]; result: Float32Array; progress: never };
  headRow: { args: [request: HeadRowRequest]; result: Float32Array; progress: never };
}

export interface ModelMethods {
  /** Opens the checkpoint (headers only) and says what it is, or fails with the sentence that says why it cannot run. */
  openModel: {
    args: [
      folder: string,
      device?: string | undefined,
      weights?: WeightChoice | undefined,
      adapter?: string | undefined,
    ];
    result: ModelSummary;
    progress: never;
  };
  /** Runs nothing: of the model as it is open, on whatever device. */
  tokenise: { args: [folder: string, prompt: PromptInput | EncoderInput]; result: Tokenised; progress: never };
  /** The tokens of a prompt for a folder of pictures; refused where no picture could stand in it. */
  promptForPictures: { args: [folder: string, prompt: PromptInput]; result: Tokenised; progress: never };
  /** How long a picture takes here, before many are run. */
  captionTime: { args: [request: CaptionTimeRequest]; result: CaptionTime; progress: never };
  /** How far the instrumented run is from the plain graphs on this prompt; fails where it is too far. */
  parity: {
    args: [folder: string, prompt: PromptInput | EncoderInput, device?: string];
    result: Parity;
    progress: never;
  };
  nextTokens: { args: [request: NextTokensRequest]; result: readonly NextTokens[]; progress: never };
  /** One run, with taps and changes. */
  runModel: { args: [request: ModelRunRequest]; result: ModelRun; progress: never };
  generate: { args: [request: GenerateRequest]; result: GenerateReply; progress: GenerateProgress };
  steeringVector: { args: [request: SteeringRequest]; result: SteeringReply; progress: SteeringProgress };
  /** Times of a prompt and of tokens behind it, with the rates of the device at the sizes of the model. */
  measureServing: { args: [request: ServingMeasureRequest]; result: ServingMeasurement; progress: never };
}

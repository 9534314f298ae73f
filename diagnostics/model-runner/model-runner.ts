/**
 * The port through which an analysis runs a model, without knowing the runtime. The compute server implements it
 * (compute-server/runner/runner.ts); test/support has none of its own: tests run the real one on tiny checkpoints.
 */
import type { Variant } from '../../models/instrument/changes/changes';
import type { Dictionary } from '../../models/dictionaries/dictionary';
import type { HeadGain } from '../../models/instrument/changes/gain';
import type { MarkRule } from '../../models/formats/families/shared/computation';
import type { StateKind } from '../../models/architectures/state-spec';
import type { RouterTap } from '../../models/instrument/taps';
import type { PromptInput, EncoderInput } from '../../protocol/inputs/prompt';
import type { CacheSize } from '../../protocol/plans/cache-size';
import type { Intervention } from '../../protocol/interventions/interventions';
import type { ModelSummary, Parity } from '../../protocol/schema/parts';
import type { BesideModel } from './beside';
import type { ModelCheckpoint } from './checkpoint';
import type { DirectPaths } from './direct-paths';
import type { GradientRequest, GradientResult } from './gradients';
import type { HeadNumbers } from './head-numbers';
import type { JointSpace } from './joint-space';
import type { Readout, ReadoutFacts } from './readout';
import type {
  AskedRow,
  KeptPrefix,
  LayersRequest,
  LayerStep,
  NextTokens,
  ResidualStream,
  RowAnswer,
  RunRequest,
  RunResult,
  TopKeys,
} from './run-request';
import type { Sequence, SourceRows } from './sequence';
import type { ReinforcementSetup } from './reinforcement-setup';
import type { Trainer } from './trainer';
import type { ModelWeights } from './weights';

export interface CancelSignal {
  readonly aborted: boolean;
  throwIfAborted(): void;
}

/** What is known of a model before it runs. */
export interface ModelFacts {
  readonly summary: ModelSummary;
  /** An adapter is on it. */
  readonly adapted?: true;
  /** By layer. */
  readonly blocks: readonly {
    /** Heads of attention: 0 in a layer without it. */
    readonly heads: number;
    readonly kvHeads: number;
    readonly headDim: number;
    /** Heads of its recurrence; where the layer has no attention, they are those that gains and `attention.head_output` are of. */
    readonly state?: { readonly kind: StateKind; readonly heads: number; readonly headDim: number };
    readonly causal: boolean;
    /** Positions that a query reads, its own included; of attention that is not causal those nearer than this, on either side. */
    readonly window?: number | undefined;
    /** The window begins at the multiples of its size. */
    readonly chunked?: boolean | undefined;
    /** Which tokens of a text read all and are read by all, whatever the window. */
    readonly marks?: MarkRule;
    /** Its rotary positions can be renumbered: they turn alike in a text of any length. */
    readonly renumbers?: true;
    /** Why its heads cannot choose blocks of the past, in a sentence; absent: they can. */
    readonly noBlocks?: string;
    /** Its feed-forward network is routed experts, of which a token has some. */
    readonly experts?: { readonly count: number; readonly perToken: number };
    /** Width of what its queries and keys are made of; absent: `hiddenSize`. */
    readonly readWidth?: number;
    /** Width of what its feed-forward network adds; absent: `hiddenSize`. */
    readonly networkWidth?: number;
    /** It has no feed-forward network. */
    readonly noNetwork?: true;
    /** The MLP reads the stream that enters the layer, without what its heads write. */
    readonly parallel?: true;
    /** Its cross-attention, in a decoder that reads a source. */
    readonly cross?: { readonly heads: number; readonly kvHeads: number; readonly headDim: number };
  }[];
  /** By layer of the encoder, for an encoder-decoder. */
  readonly sourceBlocks?: readonly { readonly heads: number; readonly headDim: number }[];
  readonly hiddenSize: number;
  /** For a vision encoder: the patches of a picture, and the rows before them (class, distillation, registers). */
  readonly patches?: { readonly rows: number; readonly columns: number; readonly leading: number };
  /** False where the model has no language head: it predicts no token. */
  readonly predicts: boolean;
  /** Where it gives labels or embeddings. */
  readonly readout?: ReadoutFacts;
  /** Width of the space that pictures and texts share, in a checkpoint with both encoders. */
  readonly jointWidth?: number;
  /** Ids of the vocabulary that stand for no text: beginning, end, padding, image. */
  readonly specialIds: readonly number[];
  readonly bosId?: number;
  /** The token that every target of an encoder-decoder begins with. */
  readonly startId?: number;
  readonly stopIds: readonly number[];
}

/** A prompt as the model reads it. */
export interface Prompt extends Sequence {
  /** As it was given; null for token ids and pictures. */
  readonly text: string | null;
  /** Text of each token. */
  readonly tokens: readonly string[];
  /** For an encoder-decoder; `text` is then that of the target. */
  readonly source?: SourceRows & { readonly text: string | null; readonly tokens: readonly string[] };
}

/** The heads of one row. */
export interface Observation {
  /** By layer: outputs before the output projection, gains included, [h, d]. */
  readonly headOutputs: readonly Float32Array[];
  /** By layer: mass on the keys of each group of the prompt, [h, groups]. */
  readonly mass: readonly Float32Array[];
  /** By layer, where they are asked for: the keys read most, [1 row][h][k]. */
  readonly top?: readonly TopKeys[];
  /** By layer, in a decoder that reads a source: probabilities of its rows, [h, m]. */
  readonly cross?: readonly Float32Array[];
}

/** What the router of a layer did with rows that go on; definitions: models/instrument/taps.ts. */
export interface RouterRows {
  readonly layer: number;
  /** [rows, E] each. */
  readonly rows: Readonly<Record<RouterTap, Float32Array>>;
}

export interface Extension {
  /** Logits at the last token, [v]. */
  readonly logits: Float32Array;
  /** By token, where they are asked for. */
  readonly observations: readonly Observation[];
  /** Numbers of the heads by layer, for the one token, where they are asked for. */
  readonly statistics?: readonly HeadNumbers[];
  /** For the layers with routed experts, where they are asked for: all tokens. */
  readonly routers?: readonly RouterRows[];
}

export interface ContinuationRequest {
  readonly sequence: Sequence;
  readonly variant?: Variant;
  /** Give what the heads of the last row, and of each row after it, put out and read. */
  readonly observe?: boolean;
  /** Observations give the keys read most as well. */
  readonly topKeys?: boolean;
  /** Tokens that will follow at most: their keys and values are counted against the memory limit. */
  readonly further: number;
  /** Continuations of about this length that are held at the same time: their memory is counted; absent: 1. */
  readonly held?: number;
  /** Queries per chunk; absent: chosen by the memory limit. */
  readonly chunk?: number;
  /** What leaves each layer while the prompt is run. */
  readonly onLayer?: (stream: ResidualStream) => void;
}

/** Head reinforcement: heads are chosen by comparison with the sequence that lacks a span, and scaled from the prompt on. */
export interface ReinforcedRequest extends Pick<ContinuationRequest, 'sequence' | 'variant' | 'further' | 'chunk'> {
  readonly without: Sequence;
  readonly setup: ReinforcementSetup;
}

export interface ReinforcedContinuation {
  readonly run: Continuation;
  /** [layers][heads]; false where none is reinforced. */
  readonly selected: readonly (readonly boolean[])[];
  /** The gains of the reinforcement alone. */
  readonly gains: readonly HeadGain[];
}

/** A prompt that was run with its keys and values kept, and goes on. */
export interface Continuation {
  /** Logits at the last row of the prompt, [v]. */
  readonly logits: Float32Array;
  readonly observation: Observation | undefined;
  /** Rows so far. */
  readonly length: number;
  /** Queries of the prompt that were computed at once. */
  readonly chunk: number;
  /** False when the context is full. */
  readonly canGoOn: boolean;
  /** Bytes of the cache for the rows so far. */
  cacheBytes(): CacheSize;
  extend(
    ids: readonly number[],
    wanted?: {
      readonly observe?: boolean;
      readonly topKeys?: boolean;
      readonly statistics?: boolean;
      readonly routers?: boolean;
    },
  ): Promise<Extension>;
}

export interface PictureRequest {
  readonly folder: string;
  /** Folders in it are read too: their pictures are called `folder/picture.png`. */
  readonly subfolders?: true;
  readonly wanted: (name: string) => boolean;
  /** Which of the wanted ones may be drawn, once all are known; absent: all of them. */
  readonly drawn?: (names: readonly string[]) => ReadonlySet<string>;
  readonly count: number;
  readonly seed: number;
}

export interface DrawnPictures {
  /** By name; the stamp changes with the file. */
  readonly files: readonly { readonly name: string; readonly path: string; readonly stamp: string }[];
  /** Files that were wanted, and could have been drawn. */
  readonly of: number;
}

export interface ModelRunner {
  readonly facts: ModelFacts;
  /** Aborts every call below when the person cancels. */
  readonly signal: CancelSignal;
  /** Seconds of a clock that only rises, for timing. */
  seconds(): number;

  /**
   * Text, ids or a picture as a checked sequence; fails with a sentence. The source of an encoder-decoder is encoded under what the
   * interventions change in its encoder.
   */
  prompt(input: PromptInput | EncoderInput, interventions?: readonly Intervention[]): Promise<Prompt>;
  /** A prompt with its picture encoded from changed pixels: each tile as the image processor made it, [3, height, width]. */
  withPixels<S extends Sequence>(prompt: S, change: (pixels: Float32Array) => Float32Array): Promise<S>;
  /** Ids of a text as it stands, without special tokens; fails where the model has no tokenizer. */
  encode(text: string): readonly number[];
  /** Text of each id, the same wherever it stands. */
  pieces(ids: readonly number[]): readonly string[];
  /** The id whose text in `pieces` this is; undefined where there is none, or no tokenizer. */
  named(piece: string): number | undefined;
  /** The ids as one text. */
  decode(ids: readonly number[]): string;

  /** Interventions on a prompt as one variant of a run, with the key groups that it needs; sources of replacements are run. */
  variant(
    interventions: readonly Intervention[],
    prompt: Sequence,
  ): Promise<{ readonly variant: Variant; readonly groups: Sequence['groups'] }>;

  /** How far recording changes the output of a run of the prompt; fails where it is too far. */
  parity(prompt: Sequence): Promise<Parity>;

  /** A run layer by layer; the whole at the end. */
  layers(request: LayersRequest): AsyncGenerator<LayerStep, RunResult>;
  /** A run to its end. */
  run(request: RunRequest): Promise<RunResult>;
  /**
   * Mean loss of the next token in nats, for each variant, at the rows: as many variants side by side as the memory limit
   * allows.
   */
  losses(sequence: Sequence, rows: readonly number[], variants: readonly Variant[]): Promise<readonly number[]>;
  /**
   * What each variant makes of the next token behind chosen rows, or of a classifier of its labels, [variants][asked]: side by side as `losses`. Variants are
   * mostly one with something added: below the first layer at which one differs from the first of them, it is not run again, nor
   * are rows before the first that any of them changes.
   */
  answers(
    sequence: Sequence,
    asked: readonly AskedRow[],
    variants: readonly Variant[],
  ): Promise<readonly (readonly RowAnswer[])[]>;
  /**
   * What every row of each sequence of ids predicts, under each variant: [sequence][variant], one number for each row but the
   * last. Sequences run side by side as far as the memory limit allows; the end of a shorter one is filled up, which no row of
   * a causal model reads.
   */
  nextTokens(
    sequences: readonly (readonly number[])[],
    variants: readonly Variant[],
  ): Promise<readonly (readonly NextTokens[])[]>;
  /** Gradients of a loss or of logits with respect to taps, gains of heads and weights: about three times a forward pass. */
  gradients(request: GradientRequest): Promise<GradientResult>;
  /** Keys and values of the first `length` rows under one variant, for runs that go on from them. */
  prefix(sequence: Sequence, length: number, variant?: Variant): Promise<KeptPrefix>;
  continuation(request: ContinuationRequest): Promise<Continuation>;
  reinforced(request: ReinforcedRequest): Promise<ReinforcedContinuation>;

  /** Pictures of a folder: at most `count` of those whose names are wanted, drawn by the seed; fails with a sentence. */
  pictures(request: PictureRequest): Promise<DrawnPictures>;
  /** A dictionary of features: a folder, or its file of tensors; fails with a sentence. */
  dictionary(path: string): Promise<Dictionary>;
  /** A text file that a parameter names; fails with a sentence. */
  textFile(path: string): Promise<string>;

  /** The vision encoder of a vision-language model, which reads pictures alone (`EncoderInput`); undefined where there is none. */
  encoder(): ModelRunner | undefined;
  /**
   * Opens another model until the run ends: the same model in another stored form; absent: itself without its adapter. Fails with a
   * sentence if it cannot run.
   */
  beside(path?: string): Promise<BesideModel<ModelRunner>>;
  /** The encoder of an encoder-decoder, which runs on the ids of a source; undefined where there is none. */
  source(): ModelRunner | undefined;
  /** A source as the encoder gives it under each variant of its own. With `from` the encoder goes on behind the layers that left it. */
  encoded(source: SourceRows, variants: readonly Variant[], from?: ResidualStream): Promise<readonly SourceRows[]>;
  /** What reaches the logits through the residual stream alone. */
  readonly direct: DirectPaths;
  readonly weights: ModelWeights;
  /** Labels of a classifier, and embeddings of texts; absent where the model gives neither. */
  readonly readout: Readout | undefined;
  /** Absent where pictures and texts have no space in common. */
  readonly joint: JointSpace | undefined;
  /** Trains small networks on what the model gives. */
  readonly trainer: Trainer;
  /** The model as files, and new checkpoints made of it. */
  readonly checkpoint: ModelCheckpoint<ModelRunner>;
}

import type { FeedForward, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { BesideRow } from './beside-row';
import type { CarriedRow } from './carried-row';
import type { DistanceBuckets, RelativeDistances } from './computation';
import type { EncoderHeads } from './encoder-heads';

type Rule = boolean | ((part: ModelPart) => boolean);
/** A name that the checkpoint gives, or the rule for it where it depends on the number of layers. */
type Name<T = string> = T | ((part: ModelPart) => T);
export const nameIn = <T extends string | undefined>(name: Name<T>, part: ModelPart): T =>
  typeof name === 'function' ? name(part) : name;
export const holds = (rule: Rule | undefined, part: ModelPart): boolean =>
  typeof rule === 'function' ? rule(part) : (rule ?? false);

interface TypeTable {
  readonly name: string;
  /** There is no table where it has no rows. */
  readonly rows: (part: ModelPart) => number;
  /** How often it is added: LayoutLM has one table for both sides of a box. Absent: once. */
  readonly times?: number;
}

export interface NormedName {
  readonly dense: string;
  readonly norm: string;
}

/** Where a layer of the description is stored. */
export const placeOfLayer = (
  { layerParts = 1 }: Pick<DecoderLayout, 'layerParts'>,
  index: number,
): { readonly layer: number; readonly part: number } => ({
  layer: Math.floor(index / layerParts),
  part: index % layerParts,
});

type LayerWriter = (writer: TensorWriter, layer: Layer, part: ModelPart) => void;

/** How one family of decoders or encoders names and shapes its tensors. */
export interface DecoderLayout {
  /** Prefix of everything but the output head, e.g. `model.`. */
  readonly root: Name;
  readonly embedding: string;
  /** Name of the table of words beside the root, where both halves of an encoder-decoder read one; `embedding` is where they do not. */
  readonly words?: (part: ModelPart) => string | undefined;
  /** Rows that the embedding has beyond the vocabulary, and the head has not. */
  readonly furtherTokens?: number;
  /** Width of the embedding where it is not hiddenSize (OPT-350m), and the projections from it and back to it. */
  readonly narrowEmbedding?: {
    readonly size: (part: ModelPart) => number;
    readonly projections: readonly [inwards: string, outwards: string];
  };
  /**
   * Width of the embedding where it may not be hiddenSize, and the projection from it that comes last: positions, types and norm are as
   * narrow as the tokens (ELECTRA); a projection of `always` stands there at equal widths too (ALBERT).
   */
  readonly widenedEmbedding?: {
    readonly size: (part: ModelPart) => number;
    readonly projection: string;
    readonly bias: boolean;
    readonly always?: true;
    /** The norm comes last (DeBERTa). */
    readonly normBehind?: true;
  };
  /** Width of the embedding; three neighbouring tokens are projected together before positions are added (MobileBERT). */
  readonly neighbours?: { readonly size: (part: ModelPart) => number; readonly projection: string };
  /**
   * Table of learned positions, with the rows that stand before that of the first one. `behindPadding`: as many as the padding token's
   * id and one, which are among the positions that the config counts, and that token has the last of them as its position (RoBERTa);
   * `counted`: it has a position like any other (ProphetNet).
   */
  readonly positions?: {
    readonly name: string;
    readonly offset?: number;
    readonly behindPadding?: true | 'counted';
    /** Absent: where the description says that positions are learned. */
    readonly when?: (part: ModelPart) => boolean;
  };
  /** Tables of kinds of tokens, of which all tokens of a text that is one segment have the first (BERT). */
  readonly types?: readonly TypeTable[];
  /** Inputs of the embedding that a text does not give; undefined if there are none. */
  readonly beside?: (part: ModelPart) => BesideRow | undefined;
  /** A table of the sines and cosines of the rotation, [positions, d] under `root`, which the class reads (RoFormer). */
  readonly turns?: string;
  /** A norm of the embedding (BLOOM). */
  readonly embeddingNorm?: Name<string | undefined>;
  /**
   * A table under `root`: a number for each head and bucket of distances, which is added to scores. All layers share it (MPNet), or have one
   * each where its name has `{layer}` (UMT5).
   */
  readonly buckets?: {
    readonly name: string;
    readonly of: (part: ModelPart) => DistanceBuckets;
    /** Absent: always. */
    readonly when?: (part: ModelPart) => boolean;
  };
  /** A map of what a layer reads to a number for each bucket of distances and head, under the prefix of its own attention (ProphetNet). */
  readonly mappedBuckets?: {
    readonly name: string;
    readonly of: (part: ModelPart) => Pick<DistanceBuckets, 'buckets' | 'farthest'>;
  };
  /** A table under `root` with a row for each stream that predicts; the last is of the first one (`predicting-stream.ts`). */
  readonly predicts?: { readonly table: string; readonly streams: (part: ModelPart) => number };
  /**
   * A table of relative positions, [2 span, w] under `root`, of which each layer makes keys and queries: scores have a term of contents
   * with positions and one of positions with contents beside that of contents (DeBERTa, arXiv:2006.03654, section 3.1).
   */
  readonly disentangled?: {
    readonly when: (part: ModelPart) => boolean;
    readonly table: string;
    readonly norm: (part: ModelPart) => string | undefined;
    readonly distances: (part: ModelPart) => RelativeDistances;
    readonly key: PositionProjection;
    readonly query: PositionProjection;
  };
  /** Prefix of a layer with `{layer}`, e.g. `layers.{layer}.`, or the rule where layers do not count from 0. */
  readonly layer: string | ((index: number, part: ModelPart) => string);
  /** How many layers of the description each stored layer holds: names contain `{part}`, which counts them from 0 (LongCat-Flash). */
  readonly layerParts?: number;
  readonly attention: {
    readonly prefix: string;
    readonly projections:
      | readonly [query: string, key: string, value: string]
      | readonly [query: string, keysAndValues: string]
      | readonly [fused: string];
    readonly output: string;
    readonly inputBias?: Rule;
    readonly outputBias?: Rule;
    /** Bias of the output projection of the last layer, by a name of its own (GPT-NeoX Japanese). */
    readonly ownBias?: string;
    /**
     * `head`: one vector of headDim for all heads; `all`: one over all heads together; `stacked`: one tensor
     * [heads, headDim]; `each`: a tensor a head.
     */
    readonly norm?: (part: ModelPart) => 'head' | 'all' | 'stacked' | 'each' | undefined;
    readonly normNames?: readonly [query: string, key: string];
    readonly normBias?: Rule;
    /**
     * Scores have terms by the waves of a distance, with a map of waves stored under its bare name [width of the stream, heads, width of a
     * head] and two learned vectors a head; `byHead`: all maps are stored alike (XLNet). `segment`: a third vector, and a table of two
     * more, of which a text reads the second (Funnel).
     */
    readonly waves?: {
      readonly map: string;
      readonly content: string;
      readonly position: string;
      readonly byHead?: true;
      readonly segment?: { readonly query: string; readonly table: string };
    };
    /** Biases with names of their own, beside one projection for all. */
    readonly partBiases?: { readonly query: string; readonly value: string };
    /** Weights are stored [input, output] (GPT-2's Conv1D). */
    readonly transposed?: boolean;
    /** One learned score per head beside the keys (GPT-OSS), or its name in the layers that have it (MiMo-V2). */
    readonly sinks?: boolean | ((part: ModelPart, layer: Layer) => string | undefined);
    /** The projected key serves as value too: there is no value projection (full layers of Gemma 4). */
    readonly valueIsKey?: (part: ModelPart, layer: Layer) => boolean;
    /** The query projection is twice as wide: a gate for the output (Qwen3-Next, Qwen3.5). */
    readonly gate?: Rule;
    /** Norms on the latents of latent attention; DeepSeek's models have them. */
    readonly latentNorms?: Rule;
    /** A kernel [heads, 1, size, 1] for the values of each head, of which the convolution is added to its output (Nyströmformer). */
    readonly convolution?: { readonly name: string; readonly size: (part: ModelPart) => number | undefined };
    /** A norm of the outputs of all heads, before the output projection (BitNet). */
    readonly outputNorm?: string;
    /** A map of all values of a position to a number for each of their heads, and the gains of these numbers (Doge). */
    readonly valueBias?: { readonly map: string; readonly gain: string };
    /** Vectors of queries and keys that make the factor between the two heads of a pair (DiffLlama). */
    readonly differential?: { readonly query: readonly [string, string]; readonly key: readonly [string, string] };
    /**
     * Queries and outputs are of experts, as many as the network of the layer has, of which a token chooses as many (JetMoE): maps of all in
     * one tensor, stored [expert, output, input], and one bias of the output.
     */
    readonly experts?: {
      readonly router: string;
      readonly query: string;
      readonly output: string;
      readonly outputBias: string;
      readonly keysAndValues: string;
    };
    /** What an attention layer holds beside these, under its own prefix: an indexer, a gate. */
    readonly more?: LayerWriter;
    /** The same, where a run does not need it. */
    readonly unread?: LayerWriter;
    /** Projections of tokens that are marked (Longformer); read where `computes.marks` has a rule. */
    readonly marked?: readonly [query: string, key: string, value: string];
  };
  /** Attention to what another model wrote, with the projections of `attention`, and its norm, where the config has it. */
  readonly cross?: {
    readonly prefix: string;
    readonly norm: string;
    /** A norm of what it gives, where `computes.norms` has one of what attention gives (T5Gemma). */
    readonly outputNorm?: string;
    /** Width of what it reads, where that is not hiddenSize. */
    readonly width?: (part: ModelPart) => number | undefined;
  };
  /** What a layer that reads a shared block has instead of attention and network, under the root. */
  readonly shared?: LayerWriter;
  /** The attention of a layer as a whole, where nothing of the above fits. */
  readonly ownAttention?: LayerWriter;
  readonly mlp: {
    readonly prefix: string;
    /** [gate, up], [in], or one fused tensor of both. */
    readonly inputs: readonly string[];
    readonly fused?: boolean;
    /** The rows of the fused tensor begin with those of `up` (GTE). */
    readonly upFirst?: true;
    readonly output: string;
    readonly bias?: Rule;
    /** Bias of the output projection, where it differs from `bias` (TeleChat). */
    readonly outputBias?: Rule;
    /** A norm of what the output projection reads (BitNet). */
    readonly innerNorm?: string;
    /** Two learned numbers of the activation, where it has them (xIELU). */
    readonly slopes?: readonly [positive: string, negative: string];
    /**
     * Shares of each position, with the rest from the previous one, and a gate of the output, which `more` writes (RWKV-4). With `ofEarlier`
     * they are the shares of the previous position (RWKV-6).
     */
    readonly mixing?: {
      readonly mix: string;
      readonly gateMix: string;
      readonly gate: string;
      readonly ofEarlier?: true;
    };
  };
  readonly experts?: ExpertWriter;
  /** What a layer without attention holds instead, and a layer with a recurrence beside its attention too. */
  readonly mixer?: LayerWriter;
  /**
   * A network for each language behind that of the layer, of which a run takes one: it reads the stream and is added to it, and the sum is
   * normed by a norm of the layer once more (X-MOD).
   */
  readonly adapters?: {
    /** With `{language}`. */
    readonly prefix: string;
    readonly languages: (part: ModelPart) => readonly string[];
    /** That of the run; undefined where the config names none. */
    readonly language: (part: ModelPart) => string | undefined;
    readonly size: (part: ModelPart) => number;
    readonly inputs: string;
    readonly output: string;
    readonly norm: string;
  };
  /** A number for each layer, [1], that multiplies the stream that leaves it; `more` writes it (Gemma 4). */
  readonly scalar?: string;
  /** What rows carry besides the stream, written by `more` and `extra`; layers may then read the keys of others. */
  readonly carried?: CarriedRow;
  /** A convolution of the embedding, under the root, that is added to what leaves the first layer and normed (DeBERTa v2). */
  readonly convolved?: {
    readonly name: string;
    readonly norm: string;
    /** Undefined where there is none. */
    readonly size: (part: ModelPart) => number | undefined;
    readonly activation: (part: ModelPart) => string;
  };
  /**
   * Branches in a stream that is narrower than that of the model (MobileBERT): maps, each followed by a norm, into it, before queries and
   * keys, and out of it; and networks with equal names before that of `mlp`.
   */
  readonly bottleneck?: {
    readonly size: (part: ModelPart) => number;
    readonly enter: NormedName;
    readonly shared: NormedName;
    readonly leave: NormedName;
    /** `prefix` with `{network}`. */
    readonly networks: { readonly count: (part: ModelPart) => number; readonly prefix: string; readonly norm: string };
  };
  /** Factors of the stream that attention and the network are added to, vectors of hiddenSize in every layer (Doge). */
  readonly carries?: readonly [attention: string, network: string];
  /** Norm vectors of hiddenSize in every layer. */
  readonly norms: readonly string[] | ((part: ModelPart, layer: Layer) => readonly string[]);
  readonly normBias?: Rule;
  /** Groups of channels of each map of a layer, by its name, where it is stored as a convolution over one position (SqueezeBERT). */
  readonly groups?: (part: ModelPart, name: string) => number;
  /** What a layer holds beside all of this: scalars, per-layer inputs, weights of the residual streams. */
  readonly more?: LayerWriter;
  readonly finalNorm?: Name<string | undefined>;
  readonly head?: Name;
  readonly headBias?: Rule;
  /** Outputs of the head, where they are not the vocabulary. */
  readonly outputs?: (part: ModelPart) => number;
  /** Name of what is added to the logits, [1, vocabulary], where it is stored (BART). */
  readonly logitsBias?: string;
  /** What stands on top of an encoder, in place of `head`. */
  readonly heads?: EncoderHeads;
  readonly extra?: (writer: TensorWriter, part: ModelPart) => void;
  /** The same, where a run does not need it. */
  readonly unread?: (writer: TensorWriter, part: ModelPart) => void;
}

/** What makes keys or queries of relative positions, under the prefix of attention. */
export interface PositionProjection {
  /** Whether scores have this term. */
  readonly when: (part: ModelPart) => boolean;
  readonly name: string;
  readonly bias: boolean;
  /** Name of the projection of contents that is used, where it is. */
  readonly shared?: (part: ModelPart) => string | undefined;
}

/** Whether positions are rows of a stored table; classes that write sines into theirs store it like any other. */
export const hasTable = ({ positions }: DecoderLayout, part: ModelPart): boolean =>
  positions !== undefined &&
  (positions.when?.(part) ?? (part.positions === 'learned' || part.positions === 'sinusoidal'));

/** Whether scores have a number for the bucket of a distance. */
export const hasBuckets = (
  layout: DecoderLayout,
  part: ModelPart,
): layout is DecoderLayout & Required<Pick<DecoderLayout, 'buckets'>> =>
  layout.buckets !== undefined && layout.buckets.when?.(part) !== false;

/** Writes the experts of a layer; with `names` a run finds them. */
export type ExpertWriter = ((writer: TensorWriter, feedForward: FeedForward, layer: Layer, part: ModelPart) => void) & {
  readonly names?: RoutedNames;
};

/** The same tensors, which a run finds by these names. */
export const namedExperts = (write: ExpertWriter, names: RoutedNames): ExpertWriter =>
  Object.assign<ExpertWriter, { readonly names: RoutedNames }>((...all) => write(...all), { names });

export interface RoutedNames extends ExpertNames {
  /** Gate, up and down of each of `experts.{expert}.`. */
  readonly projections?: Projections;
  /** The same without a gate (Nemotron-H). */
  readonly plain?: readonly [up: string, down: string];
  /** Maps to the width that the experts read and back, if `latentSize` says that it differs from the stream's. */
  readonly latent?: readonly [down: string, up: string];
  /** A factor on the weight of each expert, [experts] (Gemma 4). */
  readonly expertFactors?: string;
  /** Norms of what router, experts and shared network read and give; for the router this is the name of the tensor (Gemma 4). */
  readonly norms?: Readonly<Record<'router' | 'experts' | 'shared' | 'expertsOutput' | 'sharedOutput', string>>;
  /** Prefix of each of them, with `{expert}`, where it is another one (Switch Transformers). */
  readonly each?: string;
  /** All experts in one tensor for gate and up and one for down, each expert stored [output, input], with their rows in that order. */
  readonly stacked?: readonly [gateAndUp: string, down: string];
  /** Bias of what the experts of `stacked` give, whose shares sum to 1, [width of the stream] (JetMoE). */
  readonly outputBias?: string;
  /** The same stored [input, output]. */
  readonly stackedInputs?: readonly [gateAndUp: string, down: string];
  /** All experts below one another in a tensor for each of gate, up and down, which has units for rows (DBRX). */
  readonly merged?: Projections;
  /** All stored [input, output], gate and up of a unit side by side, with these biases of all experts (gpt-oss). */
  readonly inTurns?: { readonly maps: readonly [string, string]; readonly biases: readonly [string, string] };
  /** Prefix of a shared network beside that of the experts, with projections of the same names (LongCat-Flash). */
  readonly sharedAt?: string;
  /** A shared network beside the prefix, whose gate and up are one tensor. */
  readonly sharedBeside?: { readonly prefix: string; readonly gateAndUp: string; readonly down: string };
}

type Projections = readonly [gate: string, up: string, down: string];

export interface ExpertNames {
  readonly prefix: string;
  readonly router: string;
  /** Name of a vector of one number an expert, e.g. `gate.e_score_correction_bias`. */
  readonly routerBias?: string;
  /** Prefix of the network that every token uses, where the layer has one. */
  readonly shared?: string;
  /** Its projections, where they are not called as those of the routed experts. */
  readonly sharedProjections?: Projections;
  readonly sharedGate?: string;
}

/** The router, and the network that every token uses beside the routed experts. */
function writeCommon(own: TensorWriter, { experts }: FeedForward, names: ExpertNames, called: Projections): void {
  if (experts === undefined) return;
  const hidden = own.part.hiddenSize;
  own.add('router', `${names.router}.weight`, [experts.count, hidden]);
  if (names.routerBias !== undefined) own.add('router', names.routerBias, [experts.count]);
  if (experts.sharedSize === 0 || names.shared === undefined) return;
  const shared = own.under(names.shared);
  const [gate, up, down] = names.sharedProjections ?? called;
  shared.linear('mlp', gate, hidden, experts.sharedSize, false);
  shared.linear('mlp', up, hidden, experts.sharedSize, false);
  shared.linear('mlp', down, experts.sharedSize, hidden, false);
  if (experts.sharedGate && names.sharedGate !== undefined)
    own.add('router', `${names.sharedGate}.weight`, [1, hidden]);
}

/** Routed experts with one module each, in the names of Qwen-MoE and DeepSeek, and the shared network beside them. */
export const separateExperts = (names: ExpertNames & { readonly projections: Projections }): ExpertWriter =>
  namedExperts((writer, feedForward, _layer, part) => {
    const { experts, size } = feedForward;
    if (experts === undefined) return;
    const own = writer.under(names.prefix);
    writeCommon(own, feedForward, names, names.projections);
    const each = own.experts(experts, 'experts.{expert}.');
    const [gate, up, down] = names.projections;
    each.linear('experts', gate, part.hiddenSize, size, false);
    each.linear('experts', up, part.hiddenSize, size, false);
    each.linear('experts', down, size, part.hiddenSize, false);
  }, names);

/** Routed experts without a gate, with one module each. */
export const plainExperts = (
  names: ExpertNames & Required<Pick<RoutedNames, 'plain' | 'each'>> & { readonly bias?: true },
): ExpertWriter =>
  namedExperts((writer, { experts, size }, _layer, part) => {
    if (experts === undefined) return;
    const own = writer.under(names.prefix);
    const [up, down] = names.plain;
    own.add('router', `${names.router}.weight`, [experts.count, part.hiddenSize]);
    const one = own.experts(experts, names.each);
    one.linear('experts', up, part.hiddenSize, size, names.bias ?? false);
    one.linear('experts', down, size, part.hiddenSize, names.bias ?? false);
  }, names);

/**
 * All experts of a layer in two tensors, `experts.gate_up_proj` and `experts.down_proj`. Each expert is stored
 * [output, input], or [input, output] where `inputFirst` (Llama 4).
 */
export const stackedExperts = (names: ExpertNames & { readonly inputFirst?: true }): ExpertWriter =>
  namedExperts(
    (writer, feedForward, _layer, part) => {
      const { experts, size } = feedForward;
      if (experts === undefined) return;
      const own = writer.under(names.prefix);
      writeCommon(own, feedForward, names, ['gate_proj', 'up_proj', 'down_proj']);
      const shape = (output: number, input: number): readonly number[] =>
        names.inputFirst === true ? [input, output] : [output, input];
      own.stacked(experts, 'experts.gate_up_proj', shape(2 * size, part.hiddenSize));
      own.stacked(experts, 'experts.down_proj', shape(part.hiddenSize, size));
    },
    {
      ...names,
      [names.inputFirst ? 'stackedInputs' : 'stacked']: ['experts.gate_up_proj', 'experts.down_proj'],
      // transformers 5 writes a tensor an expert, and published files have both in one.
      ...(names.inputFirst ? {} : { projections: ['gate_proj', 'up_proj', 'down_proj'] }),
    },
  );

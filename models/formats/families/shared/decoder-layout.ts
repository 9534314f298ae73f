import type { FeedForward, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { DistanceBuckets, RelativeDistances } from './computation';
import { writeHeads, type EncoderHeads } from './encoder-heads';
import type { Top } from './top';

type Rule = boolean | ((part: ModelPart) => boolean);
/** A name that the checkpoint gives, or the rule for it where it depends on the number of layers. */
type Name<T = string> = T | ((part: ModelPart) => T);
export const nameIn = <T extends string | undefined>(name: Name<T>, part: ModelPart): T =>
  typeof name === 'function' ? name(part) : name;
export const holds = (rule: Rule | undefined, part: ModelPart): boolean =>
  typeof rule === 'function' ? rule(part) : (rule ?? false);

type LayerWriter = (writer: TensorWriter, layer: Layer, part: ModelPart) => void;

/** How one family of decoders or encoders names and shapes its tensors. */
export interface DecoderLayout {
  /** Prefix of everything but the output head, e.g. `model.`. */
  readonly root: Name;
  readonly embedding: string;
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
  /**
   * Table of learned positions, with the rows that stand before that of the first one. `behindPadding`: as many as the padding token's
   * id and one, which are among the positions that the config counts, and that token has the last of them as its position (RoBERTa).
   */
  readonly positions?: {
    readonly name: string;
    readonly offset?: number;
    readonly behindPadding?: true;
    /** Absent: where the description says that positions are learned. */
    readonly when?: (part: ModelPart) => boolean;
  };
  /** Tables of kinds of tokens, of which all tokens of a text that is one segment have the first (BERT); none where it has no rows. */
  readonly types?: readonly { readonly name: string; readonly rows: (part: ModelPart) => number }[];
  /** A table of the sines and cosines of the rotation, [positions, d] under `root`, which the class reads (RoFormer). */
  readonly turns?: string;
  /** A norm of the embedding (BLOOM). */
  readonly embeddingNorm?: Name<string | undefined>;
  /** A table that all layers share, under `root`: a number for each head and bucket of distances, which is added to scores (MPNet). */
  readonly buckets?: { readonly name: string; readonly of: (part: ModelPart) => DistanceBuckets };
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
  readonly attention: {
    readonly prefix: string;
    readonly projections:
      | readonly [query: string, key: string, value: string]
      | readonly [query: string, keysAndValues: string]
      | readonly [fused: string];
    readonly output: string;
    readonly inputBias?: Rule;
    readonly outputBias?: Rule;
    /**
     * `head`: one vector of headDim for all heads; `all`: one over all heads together; `stacked`: one tensor
     * [heads, headDim]; `each`: a tensor a head.
     */
    readonly norm?: (part: ModelPart) => 'head' | 'all' | 'stacked' | 'each' | undefined;
    readonly normNames?: readonly [query: string, key: string];
    readonly normBias?: Rule;
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
    /** What an attention layer holds beside these, under its own prefix: an indexer, a gate. */
    readonly more?: LayerWriter;
    /** The same, where a run does not need it: projections of positions that a caller marks (Longformer). */
    readonly unread?: LayerWriter;
  };
  /** Attention to what another model wrote, with the projections of `attention`, and its norm, where the config has it. */
  readonly cross?: { readonly prefix: string; readonly norm: string };
  /** The attention of a layer as a whole, where nothing of the above fits. */
  readonly ownAttention?: LayerWriter;
  readonly mlp: {
    readonly prefix: string;
    /** [gate, up], [in], or one fused tensor of both. */
    readonly inputs: readonly string[];
    readonly fused?: boolean;
    readonly output: string;
    readonly bias?: Rule;
    /** Bias of the output projection, where it differs from `bias` (TeleChat). */
    readonly outputBias?: Rule;
    /** A norm of what the output projection reads (BitNet). */
    readonly innerNorm?: string;
    /** Two learned numbers of the activation, where it has them (xIELU). */
    readonly slopes?: readonly [positive: string, negative: string];
  };
  readonly experts?: ExpertWriter;
  /** What a layer without attention holds instead. */
  readonly mixer?: LayerWriter;
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

/** A linear map, or one over groups of channels. */
function writeMap(
  writer: TensorWriter,
  group: 'attention' | 'mlp',
  name: string,
  input: number,
  output: number,
  bias: boolean,
  groups: DecoderLayout['groups'],
): void {
  if (groups === undefined) {
    writer.linear(group, name, input, output, bias);
    return;
  }
  writer.add(group, `${name}.weight`, [output, Math.floor(input / groups(writer.part, name)), 1]);
  if (bias) writer.add(group, `${name}.bias`, [output]);
}

function writeAttention(
  writer: TensorWriter,
  layer: Layer,
  layout: DecoderLayout['attention'],
  groups?: DecoderLayout['groups'],
): void {
  const { part } = writer;
  const { heads, kvHeads, headDim, valueDim, latent, sharesKvOf } = layer.attention;
  const own = writer.under(layout.prefix);
  const hidden = part.hiddenSize;
  const inputBias = holds(layout.inputBias, part);
  const outputBias = holds(layout.outputBias, part);
  if (latent !== undefined) {
    writeLatentAttention(own, layer, inputBias, holds(layout.latentNorms ?? true, part));
    layout.more?.(own, layer, part);
    return;
  }
  const linear = (name: string, input: number, output: number, bias: boolean): void => {
    if (layout.transposed === true) {
      own.add('attention', `${name}.weight`, [input, output]);
      if (bias) own.add('attention', `${name}.bias`, [output]);
    } else writeMap(own, 'attention', name, input, output, bias, groups);
  };
  const queries = heads * headDim * (holds(layout.gate, part) ? 2 : 1);
  const [first, second, third] = layout.projections;
  if (second === undefined) {
    linear(first, hidden, queries + kvHeads * (headDim + valueDim), inputBias);
  } else {
    linear(first, hidden, queries, inputBias);
    if (sharesKvOf === undefined) {
      linear(second, hidden, kvHeads * (third === undefined ? headDim + valueDim : headDim), inputBias);
      if (third !== undefined && layout.valueIsKey?.(part, layer) !== true)
        linear(third, hidden, kvHeads * valueDim, inputBias);
    }
  }
  linear(layout.output, heads * valueDim, hidden, outputBias);
  for (const name of Object.values(layout.partBiases ?? {})) own.add('attention', name, [heads * headDim]);
  const sinks =
    typeof layout.sinks === 'function' ? layout.sinks(part, layer) : layout.sinks === true ? 'sinks' : undefined;
  if (sinks !== undefined) own.add('attention', sinks, [heads]);
  const kind = layout.norm?.(part);
  if (kind !== undefined) {
    const [query, key] = layout.normNames ?? ['q_norm', 'k_norm'];
    for (const [name, count] of [
      [query, heads],
      [key, kvHeads],
    ] as const) {
      if (name === key && sharesKvOf !== undefined) continue;
      if (kind === 'each') {
        for (let head = 0; head < count; head++)
          own.norm(`${name}.norms.${head}`, headDim, holds(layout.normBias, part));
        continue;
      }
      const shape = kind === 'head' ? [headDim] : kind === 'all' ? [count * headDim] : [count, headDim];
      own.add('norms', `${name}.weight`, shape);
      if (holds(layout.normBias, part)) own.add('norms', `${name}.bias`, shape);
    }
  }
  if (layout.outputNorm !== undefined) own.norm(layout.outputNorm, heads * valueDim, false);
  const kernel = layout.convolution?.size(part);
  if (layout.convolution && kernel !== undefined)
    own.add('attention', `${layout.convolution.name}.weight`, [heads, 1, kernel, 1]);
  layout.more?.(own, layer, part);
  layout.unread?.(own, layer, part);
}

/** DeepSeek's names for multi-head latent attention. */
function writeLatentAttention(writer: TensorWriter, layer: Layer, bias: boolean, norms: boolean): void {
  const { heads, headDim, latent } = layer.attention;
  if (latent === undefined) return;
  const hidden = writer.part.hiddenSize;
  if (latent.queryRank === undefined) writer.linear('attention', 'q_proj', hidden, heads * headDim, false);
  else {
    writer.linear('attention', 'q_a_proj', hidden, latent.queryRank, bias);
    if (norms) writer.norm('q_a_layernorm', latent.queryRank, false);
    writer.linear('attention', 'q_b_proj', latent.queryRank, heads * headDim, false);
  }
  writer.linear('attention', 'kv_a_proj_with_mqa', hidden, latent.kvRank + latent.ropeDim, bias);
  if (norms) writer.norm('kv_a_layernorm', latent.kvRank, false);
  writer.linear('attention', 'kv_b_proj', latent.kvRank, heads * (latent.nopeDim + latent.valueDim), false);
  writer.linear('attention', 'o_proj', heads * latent.valueDim, hidden, bias);
}

function writeMlp(
  writer: TensorWriter,
  size: number,
  layout: DecoderLayout['mlp'],
  transposed = false,
  groups?: DecoderLayout['groups'],
): void {
  const { part } = writer;
  const own = writer.under(layout.prefix);
  const bias = holds(layout.bias, part);
  const linear = (name: string, input: number, output: number, biased: boolean): void => {
    if (transposed) {
      own.add('mlp', `${name}.weight`, [input, output]);
      if (biased) own.add('mlp', `${name}.bias`, [output]);
    } else writeMap(own, 'mlp', name, input, output, biased, groups);
  };
  for (const name of layout.inputs) linear(name, part.hiddenSize, layout.fused === true ? 2 * size : size, bias);
  linear(layout.output, size, part.hiddenSize, holds(layout.outputBias ?? layout.bias, part));
  if (layout.innerNorm !== undefined) own.norm(layout.innerNorm, size, false);
  if (part.activation === 'xielu') for (const slope of layout.slopes ?? []) own.add('mlp', slope, [1]);
}

/** Whether positions are rows of a stored table; classes that write sines into theirs store it like any other. */
export const hasTable = ({ positions }: DecoderLayout, part: ModelPart): boolean =>
  positions !== undefined &&
  (positions.when?.(part) ?? (part.positions === 'learned' || part.positions === 'sinusoidal'));

export function writeDecoder(layout: DecoderLayout) {
  return (part: ModelPart, writer: TensorWriter, top: Top): void => {
    const root = writer.under(nameIn<string>(layout.root, part));
    const width = layout.narrowEmbedding?.size(part) ?? part.hiddenSize;
    const narrow = layout.widenedEmbedding?.size(part) ?? part.hiddenSize;
    root.add('embedding', `${layout.embedding}.weight`, [
      part.vocabularySize ?? 0,
      layout.widenedEmbedding ? narrow : width,
    ]);
    if (layout.narrowEmbedding !== undefined && width !== part.hiddenSize) {
      const [inwards, outwards] = layout.narrowEmbedding.projections;
      root.linear('embedding', inwards, width, part.hiddenSize, false);
      root.linear('head', outwards, part.hiddenSize, width, false);
    }
    if (layout.positions !== undefined && hasTable(layout, part)) {
      const rows = (part.contextLength ?? 0) + (layout.positions.offset ?? 0);
      root.add('embedding', `${layout.positions.name}.weight`, [rows, narrow]);
    }
    for (const { name, rows } of layout.types ?? [])
      if (rows(part) > 0) root.add('embedding', `${name}.weight`, [rows(part), narrow]);
    layout.extra?.(root, part);
    layout.unread?.(root, part);
    const normBias = holds(layout.normBias, part);
    const embeddingNorm = nameIn(layout.embeddingNorm, part);
    if (embeddingNorm !== undefined)
      root.norm(embeddingNorm, layout.widenedEmbedding?.normBehind ? part.hiddenSize : narrow, normBias);
    if (layout.turns !== undefined)
      root.add('other', `${layout.turns}.weight`, [part.contextLength ?? 0, part.headDim]);
    if (layout.buckets !== undefined)
      root.add('attention', `${layout.buckets.name}.weight`, [layout.buckets.of(part).buckets, part.heads]);
    const { widenedEmbedding: widened, disentangled } = layout;
    if (disentangled?.when(part)) {
      const norm = disentangled.norm(part);
      root.add('embedding', `${disentangled.table}.weight`, [2 * disentangled.distances(part).span, part.hiddenSize]);
      if (norm !== undefined) root.norm(norm, part.hiddenSize, normBias);
    }
    if (widened && (widened.always || narrow !== part.hiddenSize))
      root.linear('embedding', widened.projection, narrow, part.hiddenSize, widened.bias);
    const paths = part.layers.map(({ index }) =>
      typeof layout.layer === 'function' ? layout.layer(index, part) : layout.layer,
    );
    const times = new Map<string, number>();
    for (const path of paths) times.set(path, (times.get(path) ?? 0) + 1);
    for (const [at, layer] of part.layers.entries()) {
      const path = paths[at] ?? '';
      // Layers that share their tensors are stored once.
      const shared = typeof layout.layer === 'function' && !path.includes('{layer}') && (times.get(path) ?? 0) > 1;
      if (shared && paths.indexOf(path) < at) continue;
      const own = shared ? root.under(path) : root.layer(layer.index, path);
      const { kind } = layer.attention;
      if (kind !== 'full' && kind !== 'window' && kind !== 'chunked') layout.mixer?.(own, layer, part);
      else if (layout.ownAttention !== undefined) layout.ownAttention(own, layer, part);
      else writeAttention(own, layer, layout.attention, layout.groups);
      if (disentangled?.when(part)) {
        for (const { when, name, bias, shared } of [disentangled.key, disentangled.query])
          if (when(part) && shared?.(part) === undefined)
            own.under(layout.attention.prefix).linear('attention', name, part.hiddenSize, part.hiddenSize, bias);
      }
      const names = typeof layout.norms === 'function' ? layout.norms(part, layer) : layout.norms;
      for (const name of names) own.norm(name, part.hiddenSize, normBias);
      if (layout.cross !== undefined && layer.crossAttention !== undefined) {
        const { prefix, norm } = layout.cross;
        writeAttention(own, { ...layer, attention: layer.crossAttention }, { ...layout.attention, prefix });
        own.norm(norm, part.hiddenSize, normBias);
      }
      const { feedForward } = layer;
      if (feedForward.kind === 'experts') layout.experts?.(own, feedForward, layer, part);
      if (feedForward.kind === 'dense')
        writeMlp(own, feedForward.size, layout.mlp, layout.attention.transposed, layout.groups);
      layout.more?.(own, layer, part);
    }
    const finalNorm = nameIn(layout.finalNorm, part);
    if (finalNorm !== undefined) root.norm(finalNorm, part.hiddenSize, normBias);
    if (layout.heads !== undefined) writeHeads(layout.heads, part, writer, top);
    else
      writeHead(part, writer, top, nameIn<string>(layout.head ?? 'lm_head', part), width, holds(layout.headBias, part));
  };
}

function writeHead(part: ModelPart, writer: TensorWriter, top: Top, name: string, width: number, bias: boolean): void {
  switch (top.task.kind) {
    case 'sequence-classification':
      writer.linear('head', 'score', width, top.task.labels, false);
      return;
    case 'token-classification':
      writer.linear('head', 'score', width, top.task.labels, true);
      return;
    case 'question-answering':
      writer.linear('head', 'qa_outputs', part.hiddenSize, 2, true);
      return;
    case 'causal-lm':
    case 'masked-lm':
    case 'sequence-to-sequence':
    case 'pretraining':
      if (!top.tied) writer.add('head', `${name}.weight`, [part.vocabularySize ?? 0, width]);
      if (bias) writer.add('head', `${name}.bias`, [part.vocabularySize ?? 0]);
      return;
    case 'base':
    case 'image-classification':
      return;
  }
}

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
  /** All experts in one tensor for gate and up and one for down, each expert stored [output, input], with their rows in that order. */
  readonly stacked?: readonly [gateAndUp: string, down: string];
  /** The same stored [input, output], gate and up of a unit side by side, with these biases of all experts (gpt-oss). */
  readonly inTurns?: { readonly maps: readonly [string, string]; readonly biases: readonly [string, string] };
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

/**
 * All experts of a layer in two tensors, `experts.gate_up_proj` and `experts.down_proj`. Each expert is stored
 * [output, input], or [input, output] where `inputFirst` (Llama 4).
 */
export const stackedExperts =
  (names: ExpertNames & { readonly inputFirst?: true }): ExpertWriter =>
  (writer, feedForward, _layer, part) => {
    const { experts, size } = feedForward;
    if (experts === undefined) return;
    const own = writer.under(names.prefix);
    writeCommon(own, feedForward, names, ['gate_proj', 'up_proj', 'down_proj']);
    const shape = (output: number, input: number): readonly number[] =>
      names.inputFirst === true ? [input, output] : [output, input];
    own.stacked(experts, 'experts.gate_up_proj', shape(2 * size, part.hiddenSize));
    own.stacked(experts, 'experts.down_proj', shape(part.hiddenSize, size));
  };

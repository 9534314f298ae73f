import type { FeedForward, Layer, ModelPart } from '../model-description';
import type { TensorWriter } from '../tensors/tensor-table';
import type { Top } from './family';

type Rule = boolean | ((part: ModelPart) => boolean);
const holds = (rule: Rule | undefined, part: ModelPart): boolean =>
  typeof rule === 'function' ? rule(part) : (rule ?? false);

/** How one family of decoders names and shapes its tensors. */
export interface DecoderLayout {
  /** Prefix of everything but the output head, e.g. `model.`. */
  readonly root: string;
  readonly embedding: string;
  /** Width of the embedding where it is not hiddenSize (OPT-350m). */
  readonly embeddingSize?: (part: ModelPart) => number;
  /** Prefix of a layer with `{layer}`, e.g. `layers.{layer}.`. */
  readonly layer: string;
  readonly attention: {
    readonly prefix: string;
    readonly projections: readonly [query: string, key: string, value: string] | readonly [fused: string];
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
    /** Weights are stored [input, output] (GPT-2's Conv1D). */
    readonly transposed?: boolean;
    /** One learned score per head beside the keys (GPT-OSS). */
    readonly sinks?: boolean;
    /** The query projection is twice as wide: a gate for the output (Qwen3-Next, Qwen3.5). */
    readonly gate?: Rule;
    /** Norms on the latents of latent attention; DeepSeek's models have them. */
    readonly latentNorms?: Rule;
  };
  readonly mlp: {
    readonly prefix: string;
    /** [gate, up], [in], or one fused tensor of both. */
    readonly inputs: readonly string[];
    readonly fused?: boolean;
    readonly output: string;
    readonly bias?: Rule;
  };
  readonly experts?: (writer: TensorWriter, feedForward: FeedForward, layer: Layer, part: ModelPart) => void;
  /** What a layer without attention holds instead. */
  readonly mixer?: (writer: TensorWriter, layer: Layer, part: ModelPart) => void;
  /** What a layer holds beside all of this: a second mixer, further networks. */
  readonly more?: (writer: TensorWriter, layer: Layer, part: ModelPart) => void;
  /** Norm vectors of hiddenSize in every layer. */
  readonly norms: readonly string[] | ((part: ModelPart, layer: Layer) => readonly string[]);
  readonly normBias?: Rule;
  readonly finalNorm?: string;
  readonly head?: string;
  readonly headBias?: Rule;
  readonly extra?: (writer: TensorWriter, part: ModelPart) => void;
}

export function writeAttention(writer: TensorWriter, layer: Layer, layout: DecoderLayout['attention']): void {
  const { part } = writer;
  const { heads, kvHeads, headDim, valueDim, latent, sharesKvOf } = layer.attention;
  const own = writer.under(layout.prefix);
  const hidden = part.hiddenSize;
  const inputBias = holds(layout.inputBias, part);
  const outputBias = holds(layout.outputBias, part);
  if (latent !== undefined) {
    writeLatentAttention(own, layer, inputBias, holds(layout.latentNorms ?? true, part));
    return;
  }
  const linear = (name: string, input: number, output: number, bias: boolean): void => {
    if (layout.transposed === true) {
      own.add('attention', `${name}.weight`, [input, output]);
      if (bias) own.add('attention', `${name}.bias`, [output]);
    } else own.linear('attention', name, input, output, bias);
  };
  const queries = heads * headDim * (holds(layout.gate, part) ? 2 : 1);
  const [first, second, third] = layout.projections;
  if (second === undefined || third === undefined) {
    linear(first, hidden, queries + kvHeads * (headDim + valueDim), inputBias);
  } else {
    linear(first, hidden, queries, inputBias);
    if (sharesKvOf === undefined) {
      linear(second, hidden, kvHeads * headDim, inputBias);
      linear(third, hidden, kvHeads * valueDim, inputBias);
    }
  }
  linear(layout.output, heads * valueDim, hidden, outputBias);
  if (layout.sinks === true) own.add('attention', 'sinks', [heads]);
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

export function writeMlp(writer: TensorWriter, size: number, layout: DecoderLayout['mlp'], transposed = false): void {
  const { part } = writer;
  const own = writer.under(layout.prefix);
  const bias = holds(layout.bias, part);
  const linear = (name: string, input: number, output: number): void => {
    if (transposed) {
      own.add('mlp', `${name}.weight`, [input, output]);
      if (bias) own.add('mlp', `${name}.bias`, [output]);
    } else own.linear('mlp', name, input, output, bias);
  };
  for (const name of layout.inputs) linear(name, part.hiddenSize, layout.fused === true ? 2 * size : size);
  linear(layout.output, size, part.hiddenSize);
}

export function writeDecoder(layout: DecoderLayout) {
  return (part: ModelPart, writer: TensorWriter, top: Top): void => {
    const root = writer.under(layout.root);
    const width = layout.embeddingSize?.(part) ?? part.hiddenSize;
    root.add('embedding', `${layout.embedding}.weight`, [part.vocabularySize ?? 0, width]);
    layout.extra?.(root, part);
    const normBias = holds(layout.normBias, part);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, layout.layer);
      const { kind } = layer.attention;
      if (kind === 'full' || kind === 'window' || kind === 'chunked') writeAttention(own, layer, layout.attention);
      else layout.mixer?.(own, layer, part);
      layout.more?.(own, layer, part);
      const names = typeof layout.norms === 'function' ? layout.norms(part, layer) : layout.norms;
      for (const name of names) own.norm(name, part.hiddenSize, normBias);
      const { feedForward } = layer;
      if (feedForward.kind === 'experts') layout.experts?.(own, feedForward, layer, part);
      if (feedForward.kind === 'dense') writeMlp(own, feedForward.size, layout.mlp, layout.attention.transposed);
    }
    if (layout.finalNorm !== undefined) root.norm(layout.finalNorm, part.hiddenSize, normBias);
    writeHead(part, writer, top, layout.head ?? 'lm_head', width, holds(layout.headBias, part));
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

/** Routed experts with one module each, in the names of Qwen-MoE and DeepSeek, and the shared network beside them. */
export const separateExperts =
  (names: {
    readonly prefix: string;
    readonly router: string;
    readonly routerBias?: string;
    readonly projections: readonly [string, string, string];
    readonly shared?: string;
    readonly sharedGate?: string;
  }): NonNullable<DecoderLayout['experts']> =>
  (writer, feedForward, _layer, part) => {
    const { experts, size } = feedForward;
    if (experts === undefined) return;
    const own = writer.under(names.prefix);
    const hidden = part.hiddenSize;
    own.add('router', `${names.router}.weight`, [experts.count, hidden]);
    if (names.routerBias !== undefined) own.add('router', names.routerBias, [experts.count]);
    const each = own.experts(experts, 'experts.{expert}.');
    const [gate, up, down] = names.projections;
    each.linear('experts', gate, hidden, size, false);
    each.linear('experts', up, hidden, size, false);
    each.linear('experts', down, size, hidden, false);
    if (experts.sharedSize > 0 && names.shared !== undefined) {
      const shared = own.under(names.shared);
      shared.linear('mlp', gate, hidden, experts.sharedSize, false);
      shared.linear('mlp', up, hidden, experts.sharedSize, false);
      shared.linear('mlp', down, experts.sharedSize, hidden, false);
      if (experts.sharedGate && names.sharedGate !== undefined)
        own.add('router', `${names.sharedGate}.weight`, [1, hidden]);
    }
  };

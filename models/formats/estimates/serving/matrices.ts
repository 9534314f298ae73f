/** The learned tensors of the part that generates, as operators read them. */
import type { Layer, ModelDescription, ModelPart } from '../../model-description';
import { expectedTensors } from '../../expected-tensors';
import { elementsOf, type ExpectedTensor, type TensorGroup } from '../../tensors/tensor-table';
import { storedBits } from '../weights';
import type { WeightBits } from './request';

/** Parts of a step, in the order of the model; `runtime`: calls of graphs, where they were measured. */
export const servingParts = [
  'embedding',
  'attention projections',
  'attention scores',
  'recurrent mixers',
  'feed-forward',
  'experts',
  'norms and residuals',
  'output head',
  'all-reduce',
  'runtime',
] as const;
export type ServingPart = (typeof servingParts)[number];

/**
 * Inputs and outputs of one product by what becomes of them when several devices share the layer, as in Megatron-LM
 * (arXiv:1909.08053, section 3). Cut by columns (queries, keys, values, the first matrices of a network, the head): each device
 * reads all inputs and writes its outputs. Cut by rows (the output of attention, the last matrix of a network): each reads its inputs
 * and writes all outputs, a partial sum. So one side is whole on every device, the one that faces the stream or a latent.
 */
interface Widths {
  readonly whole: number;
  /** The side of heads or of the inner width. */
  readonly cut: number;
}

/** One or more equal tensors under one name: a matrix with its bias, in each layer that has it. */
export interface Matrix {
  readonly part: ServingPart;
  /** Within a layer: `self_attn.q_proj`, `mlp.experts.gate_proj`. */
  readonly name: string;
  readonly group: TensorGroup;
  /** Layers that read it; 1 outside of them. */
  readonly layers: number;
  /** Over all layers and experts, biases included. */
  readonly elements: number;
  /** Bits of all its elements, scales included. */
  readonly bits: number;
  /** Bits that are read for a token: a shared matrix is read again in each layer. */
  readonly readBits: number;
  /** Elements of matrices that are multiplied, over all layers and experts; a shared matrix counts for each layer that reads it. */
  readonly multiplied: number;
  /** Inputs and outputs of one product. */
  readonly widths: Widths;
  /** Present where the matrix belongs to routed experts. */
  readonly experts?: { readonly count: number; readonly perToken: number };
  /** It maps the positions that cross-attention reads, once, not the tokens. */
  readonly ofSource: boolean;
  /** The table of the embedding, read again as the head: its bytes count there. */
  readonly borrowed: boolean;
}

const partOfGroup: Readonly<Record<TensorGroup, ServingPart | undefined>> = {
  embedding: 'embedding',
  attention: 'attention projections',
  mixer: 'recurrent mixers',
  mlp: 'feed-forward',
  experts: 'experts',
  router: 'experts',
  norms: 'norms and residuals',
  head: 'output head',
  projector: undefined,
  other: undefined,
};

const products = new Set<TensorGroup>(['attention', 'mixer', 'mlp', 'experts', 'router', 'head']);
/** Those that methods of quantisation shrink; embedding, head, router and norms stay as they are. */
const shrinkable = new Set<TensorGroup>(['attention', 'mixer', 'mlp', 'experts']);

/** Weights of a 4-bit group that share one float16 scale, as GPTQ (arXiv:2210.17323) and AWQ (arXiv:2306.00978) publish them. */
const groupOfFour = 128;

/**
 * Bits of one element, scales included. 8 bits: one float16 scale for each row of a matrix (16 / inputs bits a weight); 4 bits:
 * one for 128 weights along the inputs; the rest in 16 bits.
 */
function bitsOf(tensor: ExpectedTensor, model: ModelDescription, chosen: WeightBits): number {
  if (chosen === 'stored') {
    const { bits, scaleBits } = storedBits(tensor, model);
    return bits + scaleBits;
  }
  if (chosen >= 16) return chosen;
  if (tensor.shape.length < 2 || !shrinkable.has(tensor.group)) return 16;
  const inputs = tensor.shape.at(-1) ?? 1;
  return chosen === 8 ? 8 + 16 / inputs : 4 + 16 / Math.min(groupOfFour, inputs);
}

const isBias = (pattern: string): boolean => /\.bias$|_bias$/.test(pattern);

/** `model.layers.{layer}.self_attn.q_proj.weight` -> `self_attn.q_proj`. */
const moduleOf = (pattern: string): string =>
  pattern
    .replace(/^.*\{layer\}\./, '')
    .replace('{expert}.', '')
    .replace(/\.(weight|bias)$/, '');

const sourceMaps =
  /(cross_?attn|cross_?attention|encoder_attn|EncDecAttention)\.(.*\.)?(k|v|key|value|k_proj|v_proj)$/i;

/** The part that generates, if it is the first: what is served is its tokens. */
export const servedPart = (model: ModelDescription): ModelPart | undefined => {
  const [part] = model.parts;
  const causal = part?.role === 'decoder' && part.layers.some(({ attention }) => attention.causal);
  return causal && part.hiddenSize > 0 && !/classification|answering/.test(model.task.kind) ? part : undefined;
};

/** By name, in the order of the checkpoint; from the sizes alone where the family's layout is not known in full. */
export function matricesOf(model: ModelDescription, part: ModelPart, chosen: WeightBits): readonly Matrix[] {
  const tensors = expectedTensors(model)?.filter((tensor) => tensor.part === part.name) ?? sizedTensors(model, part);
  const found = new Map<string, Matrix>();
  const streams = streamsOf(part);
  for (const tensor of tensors) {
    const name = moduleOf(tensor.pattern);
    const known = found.get(name);
    const made = matrixOf(tensor, name, bitsOf(tensor, model, chosen), streams);
    if (made !== undefined) found.set(name, known === undefined ? made : joined(known, made));
  }
  const list = [...found.values()];
  return hasTiedHead(model, part, list) ? [...list, tiedHead(part, list)] : list;
}

/** Bits of what no operator of the part reads: encoders of pictures, projectors. None where the layout is not known in full. */
export const otherBits = (model: ModelDescription, part: ModelPart, chosen: WeightBits): number =>
  (expectedTensors(model) ?? [])
    .filter((tensor) => tensor.part !== part.name || partOfGroup[tensor.group] === undefined)
    .reduce((bits, tensor) => bits + elementsOf(tensor) * bitsOf(tensor, model, chosen), 0);

/** One block for each head or group of heads: both sides lie where the heads do. */
const blocksOfHeads = /(^|\.)(wo_a|rg_lru\..*)$/;
/** From a latent to all heads (MLA), or from a small vector to the inner width of a recurrent mixer. */
const fromLatent = /(q_b|kv_b|dt)_proj$|(^|\.)w(q|kv)_b$/;
/** From the inner width of a recurrent mixer to the small vectors that all of it needs. */
const fromInnerWidth = /(^|\.)x_proj$/;

/**
 * `outputs` and `inputs` as PyTorch stores a linear layer. Some families store them the other way round (Conv1D of GPT-2, stacked
 * experts), so that the side that faces the stream is known by its size; where neither has it, inputs are the whole side.
 */
function widthsOf(name: string, outputs: number, inputs: number, streams: readonly number[]): Widths {
  if (blocksOfHeads.test(name)) return { whole: 0, cut: inputs + outputs };
  const columns = { whole: inputs, cut: outputs };
  if (fromLatent.test(name) || sourceMaps.test(name)) return columns;
  const turned = fromInnerWidth.test(name) || (!streams.includes(inputs) && streams.includes(outputs));
  return turned ? { whole: outputs, cut: inputs } : columns;
}

/** Widths of what is whole on every device: the stream, and the latent of experts that have one. */
const streamsOf = ({ hiddenSize, layers }: ModelPart): readonly number[] => [
  ...new Set([hiddenSize, ...layers.flatMap(({ feedForward: { experts } }) => experts?.latentSize ?? [])]),
];

function matrixOf(tensor: ExpectedTensor, name: string, bits: number, streams: readonly number[]): Matrix | undefined {
  const part = partOfGroup[tensor.group];
  if (part === undefined) return undefined;
  const elements = elementsOf(tensor);
  const { shape, activeShare, merged } = tensor;
  const readers = tensor.readers ?? 1;
  const count = tensor.experts ?? merged ?? shape[0] ?? 1;
  const multiplies = products.has(tensor.group) && shape.length >= 2 && !isBias(tensor.pattern);
  return {
    part,
    name,
    group: tensor.group,
    layers: (tensor.layers?.length ?? 1) * readers,
    elements,
    bits: elements * bits,
    readBits: elements * bits * readers,
    multiplied: multiplies ? elements * readers : 0,
    widths: multiplies
      ? widthsOf(name, (shape.at(-2) ?? 0) / (merged ?? 1), shape.at(-1) ?? 0, streams)
      : { whole: 0, cut: 0 },
    ...(activeShare < 1 ? { experts: { count, perToken: activeShare * count } } : {}),
    ofSource: sourceMaps.test(name),
    borrowed: false,
  };
}

/** A matrix and its bias; of layers whose sizes differ, the widths are the mean over the layers. */
const joined = (a: Matrix, b: Matrix): Matrix => {
  const both = a.multiplied > 0 && b.multiplied > 0;
  const layers = both ? a.layers + b.layers : Math.max(a.layers, b.layers);
  const width = (of: keyof Widths): number =>
    both ? (a.widths[of] * a.layers + b.widths[of] * b.layers) / layers : Math.max(a.widths[of], b.widths[of]);
  return {
    ...a,
    layers,
    elements: a.elements + b.elements,
    bits: a.bits + b.bits,
    readBits: a.readBits + b.readBits,
    multiplied: a.multiplied + b.multiplied,
    widths: { whole: width('whole'), cut: width('cut') },
  };
};

const writes = ({ task }: ModelDescription): boolean =>
  task.kind === 'causal-lm' || task.kind === 'sequence-to-sequence';

const hasTiedHead = (model: ModelDescription, part: ModelPart, list: readonly Matrix[]): boolean =>
  writes(model) &&
  (part.vocabularySize ?? 0) > 0 &&
  !list.some(({ group, multiplied }) => group === 'head' && multiplied > 0);

function tiedHead(part: ModelPart, list: readonly Matrix[]): Matrix {
  const elements = part.hiddenSize * (part.vocabularySize ?? 0);
  const table = list.find(({ group, elements: size }) => group === 'embedding' && size >= elements);
  const bits = elements * (table === undefined ? 16 : table.bits / table.elements);
  return {
    part: 'output head',
    name: 'tied head',
    group: 'head',
    layers: 1,
    elements,
    bits,
    readBits: bits,
    multiplied: elements,
    widths: { whole: part.hiddenSize, cut: part.vocabularySize ?? 0 },
    ofSource: false,
    borrowed: table !== undefined,
  };
}

/** What the sizes of the layers alone say, in the names of Llama's layout. Recurrent layers have no sizes of their own. */
function sizedTensors(model: ModelDescription, part: ModelPart): readonly ExpectedTensor[] {
  const found = new Map<string, ExpectedTensor & { readonly layers: number[] }>();
  const { hiddenSize: hidden, vocabularySize = 0 } = part;
  const common = { role: part.role, part: part.name };
  const add = (
    { index }: Layer,
    group: TensorGroup,
    name: string,
    shape: readonly number[],
    routed?: { readonly count: number; readonly perToken: number },
  ): void => {
    if (shape.some((size) => size === 0)) return;
    const key = `${name} ${shape.join('x')} ${routed?.count ?? ''}`;
    const known = found.get(key);
    if (known !== undefined) return void known.layers.push(index);
    found.set(key, {
      pattern: `layers.{layer}.${name}.weight`,
      shape,
      group,
      ...common,
      layers: [index],
      ...(routed === undefined ? {} : { experts: routed.count }),
      activeShare: routed === undefined ? 1 : Math.min(1, routed.perToken / routed.count),
    });
  };
  for (const layer of part.layers) {
    for (const [name, attention] of [
      ['self_attn', layer.attention],
      ['cross_attn', layer.crossAttention],
    ] as const) {
      if (attention === undefined || ['none', 'linear', 'mamba'].includes(attention.kind)) continue;
      const { heads, kvHeads, headDim, valueDim, latent, sharesKvOf } = attention;
      const matrix = (kind: string, inputs: number, outputs: number): void =>
        add(layer, 'attention', `${name}.${kind}`, [outputs, inputs]);
      if (latent?.queryRank === undefined) matrix('q_proj', hidden, heads * headDim);
      else {
        matrix('q_a_proj', hidden, latent.queryRank);
        matrix('q_b_proj', latent.queryRank, heads * headDim);
      }
      if (latent !== undefined) {
        matrix('kv_a_proj', hidden, latent.kvRank + latent.ropeDim);
        matrix('kv_b_proj', latent.kvRank, heads * (latent.nopeDim + latent.valueDim));
      } else if (sharesKvOf === undefined) {
        matrix('k_proj', hidden, kvHeads * headDim);
        matrix('v_proj', hidden, kvHeads * valueDim);
      }
      matrix('o_proj', heads * valueDim, hidden);
    }
    const { kind, size, gated, experts } = layer.feedForward;
    if (kind === 'none') continue;
    const names = [...(gated ? ['gate_proj'] : []), 'up_proj', 'down_proj'];
    const network = (group: TensorGroup, prefix: string, width: number, routed?: typeof experts): void => {
      const outer = routed?.latentSize ?? hidden;
      for (const name of names)
        add(layer, group, `${prefix}.${name}`, name === 'down_proj' ? [outer, width] : [width, outer], routed);
    };
    if (experts === undefined) network('mlp', 'mlp', size);
    else {
      network('experts', 'mlp.experts', size, experts.count > 0 ? experts : undefined);
      if (experts.latentSize !== undefined) {
        add(layer, 'mlp', 'mlp.latent_down', [experts.latentSize, hidden]);
        add(layer, 'mlp', 'mlp.latent_up', [hidden, experts.latentSize]);
      }
      network('mlp', 'mlp.shared_experts', experts.sharedSize);
      add(layer, 'router', 'mlp.gate', [experts.count, hidden]);
      if (experts.sharedGate) add(layer, 'router', 'mlp.shared_gate', [1, hidden]);
    }
  }
  const table = (pattern: string, group: TensorGroup): readonly ExpectedTensor[] =>
    vocabularySize > 0 && hidden > 0
      ? [{ pattern, shape: [vocabularySize, hidden], group, ...common, activeShare: 1 }]
      : [];
  return [
    ...table('embed_tokens.weight', 'embedding'),
    ...found.values(),
    ...(writes(model) && !model.tiedEmbeddings.value ? table('lm_head.weight', 'head') : []),
  ];
}

import { pairFlops, readablePairs } from '../../../kernels/cost/attention';
import type { AttentionShape } from '../../../kernels/shape';
import type { Attention, FeedForward, Layer, ModelDescription, ModelPart } from '../model-description';
import type { ExpectedTensor } from '../tensors/tensor-table';
import { elementsOf } from '../tensors/tensor-table';
import { expectedTensors } from '../tensors/expected-tensors';
import { cachedPositions } from './kv-cache';
import type { Estimate } from './estimate';
import { sum } from './estimate';

/** Multiply-adds of the projections of one attention layer for one token. */
function projections(attention: Attention, hidden: number): number {
  const { heads, kvHeads, headDim, valueDim, latent, kind, sharesKvOf } = attention;
  if (kind === 'none' || kind === 'linear' || kind === 'mamba') return 0;
  const output = heads * valueDim * hidden;
  if (latent !== undefined) {
    const query =
      latent.queryRank === undefined ? hidden * heads * headDim : latent.queryRank * (hidden + heads * headDim);
    const down = hidden * (latent.kvRank + latent.ropeDim);
    return query + down + latent.kvRank * heads * (latent.nopeDim + latent.valueDim) + output;
  }
  const keysAndValues = sharesKvOf === undefined ? kvHeads * (headDim + valueDim) : 0;
  return hidden * (heads * headDim + keysAndValues) + output;
}

function network(feedForward: FeedForward, hidden: number): number {
  const matrices = feedForward.gated ? 3 : 2;
  if (feedForward.kind === 'none') return 0;
  if (feedForward.experts === undefined) return matrices * hidden * feedForward.size;
  const { count, perToken, sharedSize, sharedGate } = feedForward.experts;
  const used = perToken * feedForward.size + sharedSize;
  return matrices * hidden * used + hidden * count + (sharedGate ? hidden : 0);
}

/** Products of one token with the weights, by group, as the layers' sizes give them. */
export function weightProducts(part: ModelPart): readonly { readonly name: string; readonly value: number }[] {
  const { hiddenSize, layers } = part;
  const total = (of: (layer: Layer) => number): number => 2 * layers.reduce((all, layer) => all + of(layer), 0);
  const cross = total(({ crossAttention }) =>
    crossAttention === undefined ? 0 : projections(crossAttention, hiddenSize),
  );
  return [
    { name: 'attention projections', value: total(({ attention }) => projections(attention, hiddenSize)) + cross },
    { name: 'feed-forward', value: total(({ feedForward }) => network(feedForward, hiddenSize)) },
  ];
}

const multiplied = new Set(['attention', 'mixer', 'mlp', 'experts', 'router', 'head']);

/** The same from the tensors of an exactly known model; covers state-space mixers and heads that the sizes alone do not give. */
function tensorProducts(tensors: readonly ExpectedTensor[], part: ModelPart): number {
  return tensors
    .filter((tensor) => tensor.part === part.name && multiplied.has(tensor.group) && tensor.shape.length >= 2)
    .reduce((total, tensor) => total + 2 * elementsOf(tensor) * tensor.activeShare, 0);
}

function shapeOf(attention: Attention, queries: number, keys: number): AttentionShape {
  const { heads, kvHeads, headDim, valueDim, causal } = attention;
  const pattern = causal ? 'causal-self' : 'noncausal-self';
  return { pattern, batch: 1, heads, kvHeads, queries, keys, headDim, valueDim };
}

/** Pairs of query and key that one head reads in a prompt of `length` positions. */
export function promptPairs(attention: Attention, length: number): number {
  const { kind, window, causal } = attention;
  if (kind === 'none' || kind === 'linear' || kind === 'mamba') return 0;
  const all = readablePairs(shapeOf(attention, length, length));
  if (window === undefined) return all;
  if (!causal && kind === 'window') {
    // Half of the window lies before a position, half after it.
    const half = Math.min(Math.floor(window / 2), length - 1);
    return length * (2 * half + 1) - half * (half + 1);
  }
  if (window >= length) return all;
  if (kind === 'chunked') {
    const whole = Math.floor(length / window);
    const rest = length - whole * window;
    const pairs = (size: number): number => (causal ? (size * (size + 1)) / 2 : size * size);
    return whole * pairs(window) + pairs(rest);
  }
  // Each query reads its window; the first ones find fewer positions before them.
  return length * window - (window * (window - 1)) / 2;
}

const scoreNote =
  'a score costs 2 x (key width + value width) + 5 per query head: products, scale, maximum, exponential and division';

function headFlops(model: ModelDescription, part: ModelPart): number {
  const writes = model.task.kind === 'causal-lm' || model.task.kind === 'sequence-to-sequence';
  return writes && part.role === 'decoder' ? 2 * part.hiddenSize * (part.vocabularySize ?? 0) : 0;
}

function linearSplit(model: ModelDescription, part: ModelPart): { readonly name: string; readonly value: number }[] {
  const split = [...weightProducts(part), { name: 'output head', value: headFlops(model, part) }];
  const tensors = expectedTensors(model);
  if (tensors === undefined) return split;
  const known = sum(split);
  const exact = tensorProducts(tensors, part) + (model.tiedEmbeddings.value ? headFlops(model, part) : 0);
  const mixers = exact - known;
  return part.layers.some(({ attention }) => attention.kind === 'mamba' || attention.kind === 'linear') && mixers > 0
    ? [...split, { name: 'recurrent mixers', value: mixers }]
    : split;
}

function uncounted(model: ModelDescription, part: ModelPart): readonly string[] {
  const recurrent = part.layers.some(({ attention }) => attention.kind === 'linear' || attention.kind === 'mamba');
  return recurrent && !model.exact
    ? ['the mixers of recurrent layers are not counted: their layout is not known here']
    : [];
}

const assumed = (part: ModelPart): readonly string[] => [
  'a multiply-add is two operations; norms, biases and activations are not counted',
  scoreNote,
  ...(part.layers.some(({ feedForward }) => feedForward.kind === 'experts')
    ? ['only the experts that a token is sent to']
    : []),
];

/** One token with `context` positions before it in the cache. */
export function decodeFlops(model: ModelDescription, context: number): Estimate | undefined {
  const [part] = model.parts;
  if (part === undefined || part.hiddenSize === 0) return undefined;
  const scores = part.layers.reduce((total, { attention, crossAttention }) => {
    const { kind } = attention;
    const reads = kind === 'full' || kind === 'window' || kind === 'chunked';
    const own = reads ? pairFlops(shapeOf(attention, 1, context + 1), cachedPositions(attention, context + 1)) : 0;
    const cross = crossAttention === undefined ? 0 : pairFlops(shapeOf(crossAttention, 1, context + 1), context + 1);
    return total + own + cross;
  }, 0);
  const split = [...linearSplit(model, part), { name: 'attention scores', value: scores }];
  return {
    value: sum(split),
    unit: 'flops',
    formula: '2 x weights used + sum over layers of heads x positions read x (2 (key width + value width) + 5)',
    assumptions: [`one token after ${context} others`, ...assumed(part), ...uncounted(model, part)],
    split,
  };
}

/** A prompt of `length` tokens at once, logits of the last position only. */
export function prefillFlops(model: ModelDescription, length: number): Estimate | undefined {
  const [part] = model.parts;
  if (part === undefined || part.hiddenSize === 0) return undefined;
  const scores = part.layers.reduce((total, { attention, crossAttention }) => {
    const own = pairFlops(shapeOf(attention, length, length), promptPairs(attention, length));
    const cross =
      crossAttention === undefined ? 0 : pairFlops(shapeOf(crossAttention, length, length), length * length);
    return total + own + cross;
  }, 0);
  const linear = linearSplit(model, part).map(({ name, value }) => ({
    name,
    value: name === 'output head' ? value : value * length,
  }));
  const split = [...linear, { name: 'attention scores', value: scores }];
  return {
    value: sum(split),
    unit: 'flops',
    formula:
      'length x 2 x weights used + sum over layers of heads x pairs read x (2 (key width + value width) + 5) + output head',
    assumptions: [
      `a prompt of ${length} tokens, logits of its last position`,
      ...assumed(part),
      ...uncounted(model, part),
    ],
    split,
  };
}

/** One image through the vision part; undefined where the file does not fix the number of patches. */
export function imageFlops(part: ModelPart): Estimate | undefined {
  const tokens = part.image?.tokens;
  if (part.role !== 'vision' || tokens === undefined || part.hiddenSize === 0) return undefined;
  const patch = part.image?.patch ?? 0;
  const products = weightProducts(part).map(({ name, value }) => ({ name, value: value * tokens }));
  const patches = 2 * part.hiddenSize * (part.image?.channels ?? 3) * patch ** 2 * tokens;
  const scores = part.layers.reduce(
    (total, { attention }) => total + pairFlops(shapeOf(attention, tokens, tokens), promptPairs(attention, tokens)),
    0,
  );
  const split = [{ name: 'patch embedding', value: patches }, ...products, { name: 'attention scores', value: scores }];
  return {
    value: sum(split),
    unit: 'flops',
    formula: 'patches x 2 x weights + sum over layers of heads x patches^2 x (2 (key width + value width) + 5)',
    assumptions: [`one image of ${tokens} positions`, ...assumed(part)],
    split,
  };
}

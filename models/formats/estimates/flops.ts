import { pairFlops } from '../../../kernels/cost/attention';
import type { Attention, FeedForward, Layer, ModelDescription, ModelPart } from '../model-description';
import { stageRuns } from '../stage-runs';
import type { ExpectedTensor } from '../tensors/tensor-table';
import { elementsOf, isMatrix } from '../tensors/tensor-table';
import { expectedTensors } from '../expected-tensors';
import type { Estimate } from './estimate';
import { sum } from './estimate';
import { attends, indexedPositions, promptIndexPairs, promptPairs, readPositions, shapeOf } from './pairs';

/** Multiply-adds of the projections of one attention layer for one token. */
function projections(attention: Attention, hidden: number): number {
  const { heads, kvHeads, headDim, valueDim, latent, sharesKvOf, keyIsValue } = attention;
  if (!attends(attention)) return 0;
  const output = heads * valueDim * hidden;
  if (latent !== undefined) {
    const query =
      latent.queryRank === undefined ? hidden * heads * headDim : latent.queryRank * (hidden + heads * headDim);
    const down = hidden * (latent.kvRank + latent.ropeDim);
    return query + down + latent.kvRank * heads * (latent.nopeDim + latent.valueDim) + output;
  }
  const keysAndValues = sharesKvOf === undefined ? kvHeads * (headDim + (keyIsValue === true ? 0 : valueDim)) : 0;
  return hidden * (heads * headDim + keysAndValues) + output;
}

function network(feedForward: FeedForward, hidden: number): number {
  const matrices = feedForward.gated ? 3 : 2;
  if (feedForward.kind === 'none') return 0;
  if (feedForward.experts === undefined) return matrices * hidden * feedForward.size;
  const { count, identity = 0, perToken, sharedSize, sharedGate, latentSize } = feedForward.experts;
  const width = latentSize ?? hidden;
  const routed =
    matrices * width * perToken * feedForward.size + (latentSize === undefined ? 0 : 2 * hidden * latentSize);
  return routed + matrices * hidden * sharedSize + hidden * (count + identity) + (sharedGate ? hidden : 0);
}

/** Products of one token with the weights, by group, as the layers' sizes give them; `positions` of each layer. */
function weightProducts(
  { hiddenSize, layers }: ModelPart,
  positions: (layer: Layer) => number = () => 1,
): readonly { readonly name: string; readonly value: number }[] {
  const total = (of: (layer: Layer, width: number) => number): number =>
    2 * layers.reduce((all, layer) => all + positions(layer) * of(layer, layer.hiddenSize ?? hiddenSize), 0);
  const cross = total(({ crossAttention }, width) =>
    crossAttention === undefined ? 0 : projections(crossAttention, width),
  );
  return [
    { name: 'attention projections', value: total(({ attention }, width) => projections(attention, width)) + cross },
    { name: 'feed-forward', value: total(({ feedForward }, width) => network(feedForward, width)) },
  ];
}

/** Operations of an indexer on `pairs` scores: products, ReLU and the weighted sum over its heads (arXiv:2512.02556, section 2.1). */
export const indexFlops = ({ indexer }: Attention, pairs: number): number =>
  indexer === undefined ? 0 : indexer.heads * pairs * (2 * indexer.headDim + 3);

const scoreNote =
  'a score costs 2 x (key width + value width) + 5 per query head: products, scale, maximum, exponential and division';

function headFlops(model: ModelDescription, part: ModelPart): number {
  const writes = model.task.kind === 'causal-lm' || model.task.kind === 'sequence-to-sequence';
  return writes && part.role === 'decoder' ? 2 * part.hiddenSize * (part.vocabularySize ?? 0) : 0;
}

/** Operations of the head: its own matrices where they are known (Higgs Audio has two), else the table of words. */
function headOf(model: ModelDescription, part: ModelPart): number {
  const plain = headFlops(model, part);
  if (part.role !== 'decoder' || (plain === 0 && model.task.kind !== 'base')) return plain;
  const own = expectedTensors(model)?.filter(
    (tensor) => tensor.part === part.name && tensor.group === 'head' && isMatrix(tensor),
  );
  return own === undefined || own.length === 0 ? plain : own.reduce((total, one) => total + 2 * elementsOf(one), 0);
}

/** Names of the split by group of tensors. */
const groupNames: Readonly<Partial<Record<ExpectedTensor['group'], string>>> = {
  attention: 'attention projections',
  mixer: 'recurrent mixers',
  mlp: 'feed-forward',
  experts: 'feed-forward',
  router: 'feed-forward',
};

/**
 * Products of one token with the weights, by group: from the tensors where they are known in full, so that mixers, indexers and
 * low-rank outputs count, else from the sizes of the layers. Tensors that several layers share (ALBERT) are used more than once,
 * and there the sizes count too.
 */
function linearSplit(model: ModelDescription, part: ModelPart): { readonly name: string; readonly value: number }[] {
  const head = { name: 'output head', value: headOf(model, part) };
  const tensors = expectedTensors(model)?.filter(
    (tensor) => tensor.part === part.name && tensor.group in groupNames && isMatrix(tensor),
  );
  const own = new Set(tensors?.flatMap(({ layers }) => layers ?? []));
  const working = part.layers.filter(
    ({ attention, feedForward, crossAttention }) =>
      attention.kind !== 'none' || feedForward.kind !== 'none' || crossAttention !== undefined,
  );
  if (tensors === undefined || working.length === 0 || working.some(({ index }) => !own.has(index)))
    return [...weightProducts(part), head];
  const split = new Map<string, number>();
  for (const tensor of tensors) {
    const name = groupNames[tensor.group];
    if (name === undefined) continue;
    split.set(name, (split.get(name) ?? 0) + 2 * elementsOf(tensor) * tensor.activeShare * (tensor.readers ?? 1));
  }
  return [...[...split].map(([name, value]) => ({ name, value })), head];
}

function uncounted(model: ModelDescription, part: ModelPart): readonly string[] {
  const recurrent = part.layers.some(({ attention }) => attention.kind === 'linear' || attention.kind === 'mamba');
  // No tensor is part of it.
  if (part.family === 'fnet') return ['the Fourier transforms of positions and channels are not counted'];
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

/** One token with `context` positions before it in the cache; none of a tower in stages, which have unlike numbers of positions. */
export function decodeFlops(model: ModelDescription, context: number): Estimate | undefined {
  const [part] = model.parts;
  if (part === undefined || part.hiddenSize === 0 || stageRuns(part).length > 0) return undefined;
  const scores = part.layers.reduce((total, { attention, crossAttention }) => {
    const count = context + 1;
    const own = attends(attention) ? pairFlops(shapeOf(attention, 1, count), readPositions(attention, count)) : 0;
    const source = crossAttention?.sourcePositions ?? count;
    const cross = crossAttention === undefined ? 0 : pairFlops(shapeOf(crossAttention, 1, source), source);
    return total + own + cross + indexFlops(attention, indexedPositions(attention, count));
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

/** A prompt of `length` tokens at once, logits of the last position only; none of a tower in stages. */
export function prefillFlops(model: ModelDescription, length: number): Estimate | undefined {
  const [part] = model.parts;
  if (part === undefined || part.hiddenSize === 0 || stageRuns(part).length > 0) return undefined;
  const scores = part.layers.reduce((total, { attention, crossAttention }) => {
    const own = pairFlops(shapeOf(attention, length, length), promptPairs(attention, length));
    const source = crossAttention?.sourcePositions ?? length;
    const cross =
      crossAttention === undefined ? 0 : pairFlops(shapeOf(crossAttention, length, source), length * source);
    return total + own + cross + indexFlops(attention, promptIndexPairs(attention, length));
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
  const tokens = part.image?.tokens ?? part.layers[0]?.positions;
  if (part.role !== 'vision' || tokens === undefined || part.hiddenSize === 0) return undefined;
  const patch = part.image?.patch ?? 0;
  // Towers in stages have fewer positions from stage to stage.
  const positions = (layer: Layer): number => layer.positions ?? tokens;
  const [first] = part.layers;
  const products = weightProducts(part, positions);
  const width = first?.hiddenSize ?? part.hiddenSize;
  const patches =
    2 * width * (part.image?.channels ?? 3) * patch ** 2 * (first === undefined ? tokens : positions(first));
  const scores = part.layers.reduce((total, layer) => {
    const { attention } = layer;
    const own = positions(layer);
    const source = attention.sourcePositions;
    const pairs = source === undefined ? promptPairs(attention, own) : own * source;
    return total + pairFlops(shapeOf(attention, own, own), pairs);
  }, 0);
  const split = [{ name: 'patch embedding', value: patches }, ...products, { name: 'attention scores', value: scores }];
  return {
    value: sum(split),
    unit: 'flops',
    formula: 'patches x 2 x weights + sum over layers of heads x patches^2 x (2 (key width + value width) + 5)',
    assumptions: [`one image of ${tokens} positions`, ...assumed(part)],
    split,
  };
}

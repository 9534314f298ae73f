import { blockCost, wholeProductCost } from '../cost/blocks';
import type { Cost } from '../cost/cost';
import { attentionGraph, foldGroup, groupQueries, unfoldGroup, type AttentionValues } from '../graph/attention-graph';
import { biasedCost, tileRows, tilesOf } from '../graph/biased-tiles';
import { multiply, rectify } from '../graph/operators/elementwise';
import { concat, reshape, slice, triangle } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { integers } from '../integers';
import { headRows, kernelSystem } from '../reference/linear-system';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import { tensor, zeros, type Tensor } from '../tensors/tensor';
import { decayedBlocks, wholeProduct } from './lightning/blocks';
import { causalInTiles, exactTiles, tiled, unmaskedInTiles } from './tiled';
import * as field from '../parameters';
import type { AttentionInputs } from '../tensors/tensor';

interface Parameters extends Record<string, string> {
  readonly activation: 'relu' | 'identity' | 'softmax';
  readonly scale: 'none' | '1 / root of d';
}

/** Positions of a block of the identity's running sum. */
const block = 128;

const scaleOf = ({ headDim }: AttentionShape, { scale }: Parameters): number =>
  scale === 'none' ? 1 : headDim ** -0.5;

/** Keys that query i reads, where it reads any. */
const countOf = (shape: AttentionShape, i: number): number =>
  isCausalSelf(shape) ? i + queryOffset(shape) + 1 : shape.keys;

export const reluMean: Mechanism<Parameters> = {
  id: 'relu-mean',
  title: 'ReLU mean',
  family: 'dense',
  summary:
    'Weights are max(0, q·k) over the number of keys read, and need not sum to 1: the smallest attention without a softmax, studied as random features. With the identity in place of the rectifier it is a running sum, and linear in n.',
  source: {
    reference: 'arXiv:2307.11353, the multiplicative attention layer with ReLU and 1/N',
    trust: 'medium',
    note: 'The paper was read in part. It has one query and all keys; a causal row is divided by the keys that it reads. Scores are undivided as there; the division by the root of d is our option, with which activation softmax is plain attention.',
  },
  template: {
    projected: 'nothing',
    scores: 'max(0, q·k)',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'the number of keys read', averagesValues: false },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions (identity: one d x e matrix)', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'keys and values of the other parts, or sums of weighted values',
    },
  },
  parameters: {
    activation: field.choice(
      'Activation',
      'relu as in the paper; identity, which is linear attention; softmax, whose weights sum to 1.',
      { options: ['relu', 'identity', 'softmax'], default: 'relu' },
    ),
    scale: field.choice('Scale', 'none as in the paper, or scores divided by the root of the head width.', {
      options: ['none', '1 / root of d'],
      default: 'none',
    }),
  },
  layout: 'heads-first',
  exponent: 2,
  supports: () => ({ ok: true }),
  reference: (inputs, shape, parameters) => rowsOf(inputs, shape, parameters, allRows(shape)),
  referenceRows: rowsOf,
  build: (full, parameters, precision) =>
    attentionGraph('relu-mean', full, precision, 'heads-first', (values, shape) => {
      const { query, key, value } = values;
      const scale = scaleOf(shape, parameters);
      if (parameters.activation === 'softmax') {
        const scaled = multiply(query, scale * shape.headDim ** 0.5);
        return (isCausalSelf(shape) ? causalInTiles : unmaskedInTiles)(scaled, key, value, shape, exactTiles);
      }
      // max(0, x) / N is max(0, x / N): sums of large scores stay in the range of float16.
      const shares = Array.from({ length: shape.queries }, (_, i) => scale / countOf(shape, i));
      const shared = multiply(query, values.builder.constant(precision, [shape.queries, 1], shares, 'shares'));
      return parameters.activation === 'identity'
        ? runningSum({ ...values, query: shared }, shape)
        : rectified({ ...values, query: shared }, shape);
    }),
  cost: (shape, { activation }) => {
    if (activation === 'relu') return biasedCost(shape);
    return activation === 'softmax' ? tiled.cost(shape, exactTiles) : runningCost(shape);
  },
  pattern: (shape, { activation }) => {
    const size = { relu: tileRows, identity: block, softmax: exactTiles.rows }[activation];
    return {
      dependsOnData: false,
      reads: denseReads(shape),
      ...(isCausalSelf(shape) ? { block: { queries: size, keys: size } } : {}),
    };
  },
  /** The rectifier of a product is no product of features; the identity is one, divided by the count. */
  asSystem(inputs, shape, parameters, head) {
    if (parameters.activation !== 'identity') return undefined;
    const { query, key } = headRows(inputs, head);
    const scale = scaleOf(shape, parameters);
    const phi = tensor(
      query.shape,
      query.data.map((x) => x * scale),
    );
    return kernelSystem(phi, key, { etas: integers(1, shape.keys + 1) });
  },
  limits: [
    {
      name: 'a softmax of scaled scores',
      parameters: () => ({ activation: 'softmax', scale: '1 / root of d' }),
      equals: 'scaled-dot-product',
    },
  ],
};

/** Tile of queries by tile: products, rectifier, and a mask that takes what follows to zero. */
function rectified({ query, key, value }: AttentionValues, shape: AttentionShape): Value {
  const grouped = groupQueries(query, shape);
  const parts = tilesOf(shape).map(({ start, end, reach }) => {
    const products = fusedMatmul(foldGroup(slice(grouped, 3, start, end)), slice(key, 2, 0, reach), {
      transposeB: true,
    });
    const weights = rectify(unfoldGroup(products, shape));
    const read = isCausalSelf(shape) && end - start > 1 ? triangle(weights, 'lower', reach - (end - start)) : weights;
    return unfoldGroup(matmul(reshape(read, products.shape), slice(value, 2, 0, reach)), shape);
  });
  return concat(parts, 2);
}

/** q (K^T V), causal in blocks with one running K^T V. */
const runningSum = ({ query, key, value }: AttentionValues, shape: AttentionShape): Value =>
  isCausalSelf(shape)
    ? decayedBlocks(query, key, value, shape, {
        block,
        form: 'loop',
        slopes: new Array<number>(shape.heads).fill(0),
      })
    : wholeProduct(query, key, value, shape);

/** The running sum, and queries divided by their counts. */
function runningCost(shape: AttentionShape): Cost {
  const sum = isCausalSelf(shape) ? blockCost(shape, block, 'loop', false) : wholeProductCost(shape);
  const queries = 4 * shape.batch * shape.heads * shape.queries * shape.headDim;
  return { flops: sum.flops + queries / 4, bytes: sum.bytes + 2 * queries, peakBytes: sum.peakBytes + queries };
}

/** o_i = (1 / N_i) sum over the N_i keys that i reads of sigma(q_i . k_j) v_j; a softmax has its own sum in place of N_i. */
function rowsOf(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: Parameters,
  rows: readonly number[],
): Tensor {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const scale = scaleOf(shape, parameters);
  if (parameters.activation === 'softmax') {
    const query = tensor(
      inputs.query.shape,
      inputs.query.data.map((x) => x * scale * Math.sqrt(headDim)),
    );
    return softmaxRows({ ...inputs, query }, shape, rows, denseDefinition(shape));
  }
  const reads = denseReads(shape);
  const output = zeros([batch, heads, rows.length, valueDim]);
  for (let row = 0; row < batch * heads * rows.length; row++) {
    const i = rows[row % rows.length]!;
    const head = Math.floor(row / rows.length);
    const first = (Math.floor(head / heads) * kvHeads + Math.floor((head % heads) / (heads / kvHeads))) * keys;
    const from = (head * queries + i) * headDim;
    for (let j = 0; j < keys && reads(0, i, j); j++) {
      let score = 0;
      for (let x = 0; x < headDim; x++)
        score += inputs.query.data[from + x]! * inputs.key.data[(first + j) * headDim + x]!;
      const activated = parameters.activation === 'identity' || !(score <= 0) ? score * scale : 0;
      const weight = activated / countOf(shape, i);
      for (let x = 0; x < valueDim; x++) {
        output.data[row * valueDim + x]! += weight * inputs.value.data[(first + j) * valueDim + x]!;
      }
    }
  }
  return output;
}

import { blockCost, wholeProductCost } from '../cost/blocks';
import { attentionGraph, stepInputs } from '../graph/attention-graph';
import { GraphBuilder } from '../graph/builder';
import { add, divide, exponential, multiply, negate, sigmoid, softplus } from '../graph/operators/elementwise';
import { reshape, slice, unsqueeze } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { reduceSum } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { Mechanism, Weight } from '../mechanism';
import { integers } from '../integers';
import { headRows, kernelSystem } from '../reference/linear-system';
import { denseReads } from '../reference/pattern';
import { allRows } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';
import type { AttentionInputs, Tensor } from '../tensors/tensor';
import { decayedBlocks, wholeProduct, type BlockForm } from './lightning/blocks';
import { decayedRows, decayedState } from './lightning/decay';
import * as field from '../parameters';

export interface NormAttentionParameters extends Record<string, number | string> {
  readonly normaliser: 'exp' | 'softplus' | 'sigmoid';
  readonly form: BlockForm;
  readonly block: number;
}

const weightsOf = ({ heads, headDim }: AttentionShape): readonly Weight[] => [
  { name: 'normaliser.weight', shape: [heads, headDim], initial: { kind: 'normal', deviation: headDim ** -0.5 } },
  { name: 'normaliser.bias', shape: [heads], initial: { kind: 'normal', deviation: 0.5 } },
];

const fadeless = ({ heads }: AttentionShape): readonly number[] => new Array<number>(heads).fill(0);

export const normAttention: Mechanism<NormAttentionParameters> = {
  id: 'norm-attention',
  title: 'Normalised attention (DSF)',
  family: 'linear',
  summary:
    'Linear attention on plain queries and keys whose outputs are divided by a learned positive number of their own position, in place of the sum of the weights. One d x e matrix of state; weights may be negative.',
  source: {
    reference: 'arXiv:2405.15731, section on normalised attention; class MHNA of the authors’ code (dsf-mqar)',
    trust: 'medium',
    note: 'The code makes the normaliser from the input of the layer; the key of the position stands for it here, since graphs start from queries, keys and values. Blocks with a running state are our choice of the computation; with a block as long as the sequence it is the masked product.',
  },
  template: {
    projected: 'a logit of the normaliser, from the position’s key',
    scores: 'q·k',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'a learned positive number of the position', averagesValues: false },
    aggregation: 'running sum of k vᵀ, read by q',
    mixing: 'data-dependent',
    matrix: 'low rank',
    state: { words: 'one d x e matrix', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'one d x e matrix from part to part',
    },
  },
  parameters: {
    normaliser: field.choice(
      'Normaliser',
      'What makes the logit positive. exp was the best of the three in the paper.',
      { options: ['exp', 'softplus', 'sigmoid'], default: 'exp' },
    ),
    form: field.choice(
      'Form',
      'Causal only. loop: block after block with one state; parallel: the products of all blocks at once.',
      { options: ['loop', 'parallel'], default: 'loop' },
    ),
    block: field.integer('Block', 'Causal only: positions that are multiplied directly before the state takes over.', {
      min: 1,
      max: 65536,
      default: 128,
    }),
  },
  layout: 'heads-first',
  exponent: 1,
  supports: ({ pattern, queries, keys }) => {
    if (pattern.endsWith('cross') || (pattern === 'noncausal-self' && queries !== keys)) {
      return {
        ok: false,
        why: 'The normaliser is learned from a query’s own position: queries of another sequence than the keys have none.',
      };
    }
    return { ok: true };
  },
  weights: weightsOf,
  reference: (inputs, shape, parameters) => rowsOf(inputs, shape, parameters, allRows(shape)),
  referenceRows: rowsOf,
  build: (full, parameters, precision) =>
    attentionGraph('norm-attention', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = weightsOf(full).map(({ name, shape: dims }) => builder.input(name, precision, dims));
      const sums = isCausalSelf(shape)
        ? decayedBlocks(query, key, value, shape, { ...parameters, slopes: fadeless(shape) })
        : wholeProduct(query, key, value, shape);
      return normalised(sums, slice(key, 2, queryOffset(shape)), weights, shape, parameters);
    }),
  /** As linear attention in blocks without decay, and a dot product, an exponential and a division for each row. */
  cost(shape, { block, form }) {
    const { batch, heads, queries, headDim, valueDim } = shape;
    const rows = batch * heads * queries;
    const own = { flops: rows * (2 * headDim + valueDim), bytes: 4 * rows * (3 * headDim + 3 * valueDim) };
    const cost = isCausalSelf(shape) ? blockCost(shape, block, form, false) : wholeProductCost(shape);
    return {
      flops: cost.flops + own.flops,
      bytes: cost.bytes + own.bytes,
      peakBytes: cost.peakBytes + 4 * rows * headDim,
    };
  },
  pattern: (shape, { block }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: block, keys: block } } : {}),
  }),
  decode: {
    states: ({ batch, kvHeads, headDim, valueDim }) => [{ name: 'state', shape: [batch, kvHeads, headDim, valueDim] }],
    stateAfter: (inputs, shape) => ({
      state: decayedState(inputs.key, inputs.value, { ...shape, heads: shape.kvHeads }, fadeless(shape)),
    }),
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('norm-attention step');
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const state = builder.input('state', precision, [batch, kvHeads, headDim, valueDim]);
      const weights = weightsOf(shape).map(({ name, shape: dims }) => builder.input(name, precision, dims));
      const next = add(state, fusedMatmul(key, value, { transposeA: true }));
      const sums = reshape(matmul(reshape(query, [batch, kvHeads, heads / kvHeads, headDim]), next), [
        batch,
        heads,
        1,
        valueDim,
      ]);
      builder.output(normalised(sums, key, weights, shape, parameters), 'output');
      builder.output(next, 'next.state');
      return builder.finish();
    },
    /** The outer product writes its like of the state, the sum reads both and writes, the query reads, and it is passed on. */
    cost({ batch, heads, kvHeads, headDim, valueDim }) {
      const cells = batch * headDim * valueDim;
      return {
        flops: cells * (3 * kvHeads + 2 * heads) + batch * heads * (2 * headDim + valueDim + 3),
        bytes: 4 * 6 * cells * kvHeads,
        peakBytes: 4 * 3 * cells * kvHeads,
      };
    },
  },
  asSystem(inputs, shape, parameters, head) {
    const { query, key } = headRows(inputs, head);
    const etas = integers(0, shape.keys).map((position) =>
      normaliserAt(inputs, shape, parameters, { batch: 0, head, position }),
    );
    return kernelSystem(query, key, { etas });
  },
  limits: [],
};

/** Sums [b, h, n, e] over the normaliser of their positions, whose keys are [b, hkv, n, d]. */
function normalised(
  sums: Value,
  keys: Value,
  [weight, bias]: readonly Value[],
  { batch, heads, kvHeads, headDim }: AttentionShape,
  { normaliser }: NormAttentionParameters,
): Value {
  const rows = Number(keys.shape[2]);
  const perGroup = (x: Value, width: number) => reshape(x, [kvHeads, heads / kvHeads, 1, width]);
  const products = multiply(unsqueeze(keys, 2), perGroup(weight!, headDim)); // [b, hkv, g, n, d]
  const logits = reshape(add(reduceSum(products, [4]), perGroup(bias!, 1)), [batch, heads, rows, 1]);
  // In the logarithm: exp of a large logit would leave the range before it divides.
  if (normaliser === 'exp') return multiply(sums, exponential(negate(logits)));
  return divide(sums, normaliser === 'softplus' ? softplus(logits) : sigmoid(logits));
}

/** eta of the position `position` in a query head: exp, softplus or sigmoid of w . k + b. */
function normaliserAt(
  { key, weights }: Pick<AttentionInputs, 'key' | 'weights'>,
  { heads, kvHeads, keys, headDim }: AttentionShape,
  { normaliser }: NormAttentionParameters,
  place: { readonly batch: number; readonly head: number; readonly position: number },
): number {
  const kvHead = place.batch * kvHeads + Math.floor(place.head / (heads / kvHeads));
  let logit = weights['normaliser.bias']!.data[place.head]!;
  for (let x = 0; x < headDim; x++) {
    logit +=
      weights['normaliser.weight']!.data[place.head * headDim + x]! *
      key.data[(kvHead * keys + place.position) * headDim + x]!;
  }
  if (normaliser === 'exp') return Math.exp(logit);
  return normaliser === 'softplus'
    ? Math.log1p(Math.exp(-Math.abs(logit))) + Math.max(0, logit)
    : 1 / (1 + Math.exp(-logit));
}

/** o_i = (1 / eta_i) sum over the keys that i reads of (q_i . k_j) v_j. */
function rowsOf(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: NormAttentionParameters,
  rows: readonly number[],
): Tensor {
  const output = decayedRows(inputs, shape, rows, fadeless(shape));
  const { heads, valueDim } = shape;
  for (let row = 0; row < shape.batch * heads * rows.length; row++) {
    const position = rows[row % rows.length]! + queryOffset(shape);
    if (position < 0) continue;
    const head = Math.floor(row / rows.length);
    const eta = normaliserAt(inputs, shape, parameters, {
      batch: Math.floor(head / heads),
      head: head % heads,
      position,
    });
    for (let x = row * valueDim; x < (row + 1) * valueDim; x++) output.data[x]! /= eta;
  }
  return output;
}

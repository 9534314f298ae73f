import { pairFlops, readablePairs, tensorBytes } from '../cost/attention';
import { attentionGraph, stepInputs } from '../graph/attention-graph';
import { GraphBuilder } from '../graph/builder';
import { groupQueryAttention, multiHeadAttention } from '../graph/operators/attention';
import { reshape, slice, transpose } from '../graph/operators/layout';
import type { Value } from '../graph/records';
import type { Mechanism } from '../mechanism';
import { denseDefinition, denseReads } from '../reference/pattern';
import { allRows, softmaxRows } from '../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../shape';

type None = Record<string, never>;

/** onnxruntime's own fused operators, whichever is its best for the pattern: the competitor of every other kernel. */
export const fused: Mechanism<None> = {
  id: 'fused',
  title: 'Fused (onnxruntime)',
  family: 'dense',
  summary:
    "The runtime's own best: MultiHeadAttention without a mask (a flash kernel on cpu), GroupQueryAttention for causal self-attention. The baseline that the other kernels are compared with.",
  source: {
    reference: 'onnxruntime 1.30, docs/ContribOperators.md: com.microsoft.MultiHeadAttention and GroupQueryAttention',
    trust: 'high',
    note: 'Non-causal grouped heads run in MultiHeadAttention by laying the queries of a group out as further positions, since without a mask positions do not matter. GroupQueryAttention gives zeros, not NaN, for a query that holds NaN.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values, in the runtime’s own kernel',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'keys and values of the other parts (ring or gather), or partial outputs with their log-sums',
    },
  },
  parameters: {},
  layout: 'sequence-first',
  exponent: 2,
  supports(shape) {
    if (!isCausalSelf(shape)) return { ok: true };
    if (shape.headDim !== shape.valueDim) {
      return {
        ok: false,
        why: `GroupQueryAttention needs values as wide as queries, not ${shape.valueDim} beside ${shape.headDim}: choose the tiled kernel.`,
      };
    }
    if (shape.headDim % 8 !== 0) {
      return {
        ok: false,
        why: `GroupQueryAttention takes head widths that are multiples of 8, not ${shape.headDim}: choose the tiled kernel.`,
      };
    }
    if (shape.batch > 1 && shape.keys > shape.queries && shape.queries > 1) {
      return {
        ok: false,
        why: `GroupQueryAttention takes several new positions on top of a cache for one sequence only, not for a batch of ${shape.batch}: choose batch 1 or the tiled kernel.`,
      };
    }
    return { ok: true };
  },
  reference: (inputs, shape) => softmaxRows(inputs, shape, allRows(shape), denseDefinition(shape)),
  referenceRows: (inputs, shape, _parameters, rows) => softmaxRows(inputs, shape, rows, denseDefinition(shape)),
  build: (full, _parameters, precision) =>
    attentionGraph('fused', full, precision, 'sequence-first', ({ query, key, value }, shape) =>
      isCausalSelf(shape) ? causal(query, key, value, shape) : unmasked(query, key, value, shape),
    ),
  /**
   * Causal: the operator computes the readable half only, but holds one head's scores for each thread (not counted here:
   * threads are no part of the shape). Non-causal: all pairs, scores in cache-sized tiles.
   */
  cost: (shape) => ({
    flops: pairFlops(shape, readablePairs(shape)),
    // The operators copy query, key and value to heads-first once, and the output back; scores are written and read once.
    bytes: 3 * tensorBytes(shape) + 8 * shape.batch * shape.heads * readablePairs(shape),
    peakBytes: 2 * tensorBytes(shape),
  }),
  pattern: (shape) => ({ dependsOnData: false, reads: denseReads(shape) }),
  decode: {
    states: ({ batch, kvHeads, keys, headDim, valueDim }) => [
      { name: 'past.key', shape: [batch, kvHeads, keys - 1, headDim], grows: 2 },
      { name: 'past.value', shape: [batch, kvHeads, keys - 1, valueDim], grows: 2 },
    ],
    stateAfter: ({ key, value }) => ({ 'past.key': key, 'past.value': value }),
    /** With one position heads-first and sequence-first are the same, so that only the cache is heads-first. */
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('fused step');
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const [pastKeys, pastValues] = fused
        .decode!.states(shape, parameters)
        .map(({ name, shape: dims }) => builder.input(name, precision, dims));
      const output = attendOnCache(
        reshape(query, [batch, 1, heads * headDim]),
        reshape(key, [batch, 1, kvHeads * headDim]),
        reshape(value, [batch, 1, kvHeads * valueDim]),
        { key: pastKeys!, value: pastValues! },
        shape,
      );
      builder.output(reshape(output, [batch, heads, 1, valueDim]), 'output');
      builder.output(key, 'next.past.key');
      builder.output(value, 'next.past.value');
      return builder.finish();
    },
    /** The operator copies the cache to append the new row, then reads it: 3 passes, and the scores twice. */
    cost: (shape) => ({
      flops: pairFlops(shape, shape.keys),
      bytes: 2 * tensorBytes(shape) + 8 * shape.batch * shape.heads * shape.keys,
      peakBytes: 2 * tensorBytes(shape),
    }),
  },
  limits: [{ name: 'the plain definition', parameters: () => ({}), equals: 'scaled-dot-product' }],
};

function unmasked(query: Value, key: Value, value: Value, shape: AttentionShape): Value {
  const { batch, queries, kvHeads, headDim, valueDim } = shape;
  const group = shape.heads / kvHeads;
  const options = { heads: kvHeads, scale: headDim ** -0.5 };
  if (group === 1) return multiHeadAttention(query, key, value, options);
  const folded = reshape(transpose(reshape(query, [batch, queries, kvHeads, group, headDim]), [0, 1, 3, 2, 4]), [
    batch,
    queries * group,
    kvHeads * headDim,
  ]);
  const output = multiHeadAttention(folded, key, value, options);
  const unfolded = transpose(reshape(output, [batch, queries, group, kvHeads, valueDim]), [0, 1, 3, 2, 4]);
  return reshape(unfolded, [batch, queries, shape.heads * valueDim]);
}

function causal(query: Value, key: Value, value: Value, shape: AttentionShape): Value {
  const { batch, kvHeads, headDim } = shape;
  const offset = queryOffset(shape);
  const past = (x: Value): Value =>
    transpose(reshape(slice(x, 1, 0, offset), [batch, offset, kvHeads, headDim]), [0, 2, 1, 3]);
  return attendOnCache(
    query,
    slice(key, 1, offset),
    slice(value, 1, offset),
    offset > 0 ? { key: past(key), value: past(value) } : undefined,
    shape,
  );
}

/** GroupQueryAttention of new positions, sequence-first, on the heads-first cache before them. */
function attendOnCache(
  query: Value,
  key: Value,
  value: Value,
  past: { readonly key: Value; readonly value: Value } | undefined,
  { batch, heads, kvHeads, keys, headDim }: AttentionShape,
): Value {
  const { graph } = query;
  const [output] = groupQueryAttention(
    query,
    key,
    value,
    past,
    graph.constant('int32', [batch], new Array<number>(batch).fill(keys - 1)),
    graph.constant('int32', [], [keys]),
    keys,
    { heads, kvHeads, scale: headDim ** -0.5 },
  );
  return output;
}

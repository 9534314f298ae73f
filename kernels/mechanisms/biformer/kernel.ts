/**
 * Bi-level routing in the runtime: the chosen regions are gathered and each region of queries attends to its own gathered
 * keys in MultiHeadAttention, regions being its batch. The masked columns that this operator does not offer (it is fast
 * without a mask only) are made of further columns of queries and keys:
 * - keys that stand for nothing carry a large negative number where every query carries 1;
 * - causal: the region's own keys are read first, with a triangle; what was read comes in as one further key, whose score is
 *   the logarithm of the denominator and whose value is 1 in a column of its own (see tiled.ts).
 */
import { logSumOf } from '../../graph/log-sum';
import { multiHeadAttention } from '../../graph/operators/attention';
import { add, isNaNumber, less, multiply, where } from '../../graph/operators/elementwise';
import {
  concat,
  filled,
  gather,
  gatherRange,
  pad,
  reshape,
  slice,
  transpose,
  unsqueeze,
} from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { lowest } from '../../graph/types';
import { additiveMask } from '../../graph/attention-graph';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { looksBack, regionsOf, type BiFormerParameters, type Regions } from './regions';

/** Query [b, n, h d], key and value [b, m, hkv .] to [b, n, h dv]; self patterns with as many queries as keys, and cross. */
export function biLevelAttention(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  parameters: BiFormerParameters,
  scale: number,
): Value {
  const from = regionsOf(shape.queries, parameters);
  const to = regionsOf(shape.keys, parameters);
  const [q, k, v] = [inRegions(query, from), inRegions(key, to), inRegions(value, to)];
  const chosen = choose(q, k, shape, parameters, from, to);
  const output = isCausalSelf(shape)
    ? causal(q, k, v, chosen, shape, from, scale)
    : whole(q, k, v, chosen, shape, from, to, scale);
  const back = slice(output, 1, 0, shape.queries);
  if (parameters.columns === 0) return back;
  const inverse = new Array<number>(from.order.length);
  from.order.forEach((position, at) => (inverse[position] = at));
  return gather(back, back.graph.constant('int64', [inverse.length], inverse), 1);
}

/** [b, n, width] in the order of the regions, padded to whole regions with zeros. */
function inRegions(x: Value, { order, size, count }: Regions): Value {
  const ordered = order.every((position, at) => position === at)
    ? x
    : gather(x, x.graph.constant('int64', [order.length], [...order]), 1);
  return pad(ordered, 1, 0, count * size - order.length);
}

/** Regions that each region reads, int64 [b, regions, k]; causal: those at or after the region itself stand for none. */
function choose(
  q: Value,
  k: Value,
  shape: AttentionShape,
  { topk }: BiFormerParameters,
  from: Regions,
  to: Regions,
): Value {
  const { batch, heads, kvHeads, headDim, queries, keys } = shape;
  const sums = (x: Value, { count, size }: Regions): Value =>
    reduceSum(reshape(x, [batch, count, size, Number(x.shape[2])]), [2], false);
  const shares = (x: Value, { count, size }: Regions, length: number): Value => {
    const own = Array.from({ length: count }, (_, i) => 1 / Math.min(size, length - i * size));
    return multiply(x, x.graph.constant(x.type, [count, 1], own));
  };
  const keyMeans = shares(sums(k, to), to, keys); // [b, Rk, hkv d]
  let described: Value;
  if (looksBack(shape)) {
    // Position t moves to t + size - 1, so that region i holds the queries that end with its first.
    const late = slice(pad(q, 1, from.size - 1, 0), 1, 0, from.count * from.size);
    const own = Array.from({ length: from.count }, (_, i) => 1 / Math.min(from.size, i * from.size + 1));
    described = multiply(sums(late, from), q.graph.constant(q.type, [from.count, 1], own));
  } else {
    described = shares(sums(q, from), from, queries);
  }
  if (heads !== kvHeads) {
    const grouped = reshape(described, [batch, from.count, kvHeads, heads / kvHeads, headDim]);
    described = reshape(reduceSum(grouped, [3], false), [batch, from.count, kvHeads * headDim]);
  }
  const scores = fusedMatmul(described, keyMeans, { transposeB: true }, 'adjacency');
  const known = where(isNaNumber(scores), lowest(scores), scores);
  const allowed = isCausalSelf(shape)
    ? add(
        known,
        additiveMask(scores, from.count, to.count, (i, j) => j < i),
      )
    : known;
  return topK(allowed, Math.min(topk, to.count))[1];
}

/** Queries of a group lie as further positions of their region: [b R, size g, hkv width]. */
function folded(q: Value, shape: AttentionShape, { count, size }: Regions, width: number): Value {
  const { batch, heads, kvHeads } = shape;
  const group = heads / kvHeads;
  if (group === 1) return reshape(q, [batch * count, size, heads * width]);
  const apart = transpose(reshape(q, [batch * count, size, kvHeads, group, width]), [0, 1, 3, 2, 4]);
  return reshape(apart, [batch * count, size * group, kvHeads * width]);
}

function unfolded(x: Value, shape: AttentionShape, { count, size }: Regions, width: number): Value {
  const { batch, heads, kvHeads } = shape;
  const group = heads / kvHeads;
  const rows = group === 1 ? x : transpose(reshape(x, [batch * count, size, group, kvHeads, width]), [0, 1, 3, 2, 4]);
  return reshape(rows, [batch, count * size, heads * width]);
}

/** Further columns of every head: [b, n, heads w] and columns [n or 1, extra] to [b, n, heads (w + extra)]. */
function widened(x: Value, heads: number, columns: Value): Value {
  const [batch, length, all] = x.shape as readonly [number, number, number];
  const extra = Number(columns.shape[1]);
  const more = filled(
    columns,
    [batch, length, heads, extra],
    reshape(columns, [1, Number(columns.shape[0]), 1, extra]),
  );
  return reshape(concat([reshape(x, [batch, length, heads, all / heads]), more], 3), [
    batch,
    length,
    all + heads * extra,
  ]);
}

function whole(
  q: Value,
  k: Value,
  v: Value,
  chosen: Value,
  shape: AttentionShape,
  from: Regions,
  to: Regions,
  scale: number,
): Value {
  const { batch, heads, kvHeads, headDim, valueDim, keys } = shape;
  const padded = to.count * to.size > keys;
  let [queries, source, width] = [q, k, headDim];
  if (padded) {
    const ends = Array.from({ length: to.count * to.size }, (_, at) => (at < keys ? 0 : lowest(k)));
    queries = widened(q, heads, q.graph.constant(q.type, [1, 1], [1]));
    source = widened(k, kvHeads, k.graph.constant(k.type, [ends.length, 1], ends));
    width++;
  }
  const read = Number(chosen.shape[2]);
  const rows = reshape(chosen, [batch * from.count, read]);
  const shifted =
    batch === 1
      ? rows
      : add(
          rows,
          rows.graph.constant(
            'int64',
            [batch * from.count, 1],
            Array.from({ length: batch * from.count }, (_, i) => Math.floor(i / from.count) * to.count),
          ),
        );
  const gathered = (x: Value, own: number): Value =>
    reshape(gather(reshape(x, [batch * to.count, to.size * kvHeads * own]), shifted, 0), [
      batch * from.count,
      read * to.size,
      kvHeads * own,
    ]);
  const output = multiHeadAttention(
    folded(queries, shape, from, width),
    gathered(source, width),
    gathered(v, valueDim),
    { heads: kvHeads, scale },
  );
  return unfolded(output, shape, from, valueDim);
}

function causal(
  q: Value,
  k: Value,
  v: Value,
  chosen: Value,
  shape: AttentionShape,
  regions: Regions,
  scale: number,
): Value {
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const { count, size } = regions;
  const group = heads / kvHeads;
  // The region's own keys: [b, R, hkv, g, size, .].
  const apart = (x: Value, groups: number, width: number): Value =>
    transpose(reshape(x, [batch, count, size, kvHeads, groups, width]), [0, 1, 3, 4, 2, 5]);
  const scores = fusedMatmul(apart(q, group, headDim), apart(k, 1, headDim), { transposeB: true, scale });
  const masked = add(
    scores,
    additiveMask(scores, size, size, (i, j) => j <= i),
  );
  const probabilities = softmax(masked);
  const inside = matmul(probabilities, apart(v, 1, valueDim));
  const back = (x: Value, width: number): Value =>
    reshape(transpose(x, [0, 1, 4, 2, 3, 5]), [batch, count * size, heads, width]);
  const own = back(inside, valueDim);
  if (count === 1) return reshape(own, [batch, size, heads * valueDim]);
  const logDenominator = back(logSumOf(masked, probabilities), 1);

  // Columns: the width, the further key's, the one of keys that stand for nothing.
  const ones = filled(q, [batch, count * size, heads, 1], 1);
  const queries = reshape(concat([reshape(q, [batch, count * size, heads, headDim]), logDenominator, ones], 3), [
    batch,
    count * size,
    heads * (headDim + 2),
  ]);
  const row = (width: number, numbers: Readonly<Record<number, number>>): readonly number[] =>
    Array.from({ length: kvHeads * width }, (_, x) => numbers[x % width] ?? 0);
  // Each sequence ends in a row that stands for nothing and the further key.
  const ends = (x: Value, width: number, rows: readonly (readonly number[])[]): Value =>
    concat(
      [x, filled(x, [batch, 2, kvHeads * width], x.graph.constant(x.type, [1, 2, kvHeads * width], rows.flat()))],
      1,
    );
  const source = ends(widened(k, kvHeads, k.graph.constant(k.type, [1, 2], [0, 0])), headDim + 2, [
    row(headDim + 2, { [headDim + 1]: lowest(k) }),
    row(headDim + 2, { [headDim]: 1 / scale }),
  ]);
  const values = ends(widened(v, kvHeads, v.graph.constant(v.type, [1, 1], [0])), valueDim + 1, [
    row(valueDim + 1, {}),
    row(valueDim + 1, { [valueDim]: 1 }),
  ]);
  const { graph } = q;
  const total = count * size + 2;
  const read = Number(chosen.shape[2]);
  const number = (value: number): Value => graph.constant('int64', [], [value]);
  const index = (dims: readonly number[], f: (i: number) => number): Value =>
    graph.constant(
      'int64',
      dims,
      Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
    );
  const before = less(
    chosen,
    index([count, 1], (i) => i),
  );
  const places = add(
    unsqueeze(multiply(chosen, number(size)), 3),
    index([size], (i) => i),
  ); // [b, R, k, size]
  const real = where(unsqueeze(before, 3), places, number(count * size));
  const further = filled(places, [batch, count, 1], number(total - 1));
  const rows = concat([reshape(real, [batch, count, read * size]), further], 2);
  const shifted = reshape(
    batch === 1
      ? rows
      : add(
          rows,
          index([batch, 1, 1], (b) => b * total),
        ),
    [batch * count, read * size + 1],
  );
  const gathered = (x: Value, width: number): Value => gather(reshape(x, [batch * total, kvHeads * width]), shifted, 0);
  const output = multiHeadAttention(
    folded(queries, shape, regions, headDim + 2),
    gathered(source, headDim + 2),
    gathered(values, valueDim + 1),
    { heads: kvHeads, scale },
  );
  const all = reshape(unfolded(output, shape, regions, valueDim + 1), [batch, count * size, heads, valueDim + 1]);
  const merged = add(gatherRange(all, 3, 0, valueDim), multiply(slice(all, 3, valueDim), own));
  return reshape(merged, [batch, count * size, heads * valueDim]);
}

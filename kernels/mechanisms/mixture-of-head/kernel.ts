/**
 * Attention of the chosen positions of one head after another: rows that a head does not serve are never computed. The rows
 * are gathered (their number is known only when the graph runs), attend in MultiHeadAttention, whose cpu kernel never holds
 * the whole matrix of scores, and are put back.
 *
 * Causal: the queries are cut into spans. A span's rows attend to the keys before the span without a mask, and to those of the
 * span with one; the two parts are merged by one more key, whose score is the logarithm of the inner part's denominator and
 * whose value is 1 in a column of its own (see tiled.ts).
 */
import { logSumOf } from '../../graph/log-sum';
import { multiHeadAttention } from '../../graph/operators/attention';
import { dimOf, nonZero, sliceBy } from '../../graph/operators/dynamic';
import { add, multiply } from '../../graph/operators/elementwise';
import {
  concat,
  expand,
  gather,
  pad,
  reshape,
  scatterRows,
  slice,
  transpose,
  triangle,
  unsqueeze,
} from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';

export interface RoutedOptions {
  /** The head that the first column of `chosen` is about. */
  readonly first: number;
  /** Causal: queries that share one copy of the keys before them. */
  readonly span: number;
}

/**
 * `chosen` bool [b, n, E] says which of E heads a position takes; the others give zeros. Returns [b, E, n, e] and the sizes
 * expected of the dimensions that a run decides, when a share of the positions takes each head.
 */
export function routedHeads(
  query: Value,
  key: Value,
  value: Value,
  chosen: Value,
  shape: AttentionShape,
  { first, span }: RoutedOptions,
): { readonly output: Value; readonly spans: ReadonlyMap<string, number> } {
  const { batch, heads, kvHeads, queries } = shape;
  const group = heads / kvHeads;
  const routed = Number(chosen.shape[2]);
  const spans = new Map<string, number>();
  const masks = transpose(chosen, [0, 2, 1]); // [b, E, n]
  const cut = (x: Value, b: number, head: number): Value =>
    reshape(slice(slice(x, 0, b, b + 1), 1, head, head + 1), [1, ...x.shape.slice(2)]);
  const outputs: Value[] = [];
  for (let b = 0; b < batch; b++) {
    const sources = new Map<number, Source>();
    for (let e = 0; e < routed; e++) {
      const kvHead = Math.floor((first + e) / group);
      const source = sources.get(kvHead) ?? sourceOf(cut(key, b, kvHead), cut(value, b, kvHead), shape, span);
      sources.set(kvHead, source);
      const rows = cut(query, b, first + e); // [1, n, d]
      const mask = reshape(slice(slice(masks, 0, b, b + 1), 1, e, e + 1), [queries]);
      const parts: Value[] = [];
      for (let start = 0; start < queries; start += source.span) {
        const end = Math.min(start + source.span, queries);
        const name = `rows.${b}.${first + e}.${start}`;
        spans.set(name, end - start);
        const found = transpose(nonZero(slice(mask, 0, start, end), name), [1, 0]); // [rows, 1]
        // One row more keeps every product non-empty where a head serves nobody.
        const indices = concat([reshape(found, [name]), query.graph.constant('int64', [1], [0])], 0);
        const own = gather(slice(rows, 1, start, end), indices, 1); // [1, rows + 1, d]
        const attended = isCausalSelf(shape) ? causal(own, indices, source, start, end) : source.whole(own);
        const served = sliceBy(
          reshape(attended, [attended.shape[1] ?? 1, shape.valueDim]),
          0,
          query.graph.constant('int64', [1], [0]),
          reshape(dimOf(found, 0), [1]),
          name,
        );
        const zero = query.graph.constant(query.type, [1, 1], [0]);
        parts.push(scatterRows(expand(zero, [end - start, shape.valueDim]), found, served));
      }
      outputs.push(concat(parts, 0)); // [n, e]
    }
  }
  const joined = concat(
    outputs.map((each) => unsqueeze(each, 0)),
    0,
  );
  return { output: reshape(joined, [batch, routed, queries, shape.valueDim]), spans };
}

/** One key/value head of one sequence, with what its spans share. */
interface Source {
  readonly span: number;
  /** [1, rows, d] to [1, rows, e] over all keys. */
  readonly whole: (rows: Value) => Value;
  /** Keys [1, length, d] and values [1, length, e] of positions [from, to). */
  readonly near: (from: number, to: number) => { readonly key: Value; readonly value: Value };
  /** Keys and values [1, 1 + before, .+1] with the further key in front. */
  readonly past: (before: number) => { readonly key: Value; readonly value: Value };
  readonly mask: (length: number) => Value;
  readonly offset: number;
  readonly scale: number;
}

function sourceOf(key: Value, value: Value, shape: AttentionShape, span: number): Source {
  const { headDim } = shape;
  const { graph } = key;
  const scale = headDim ** -0.5;
  const further = graph.constant(
    key.type,
    [1, 1, headDim + 1],
    Float32Array.from({ length: headDim + 1 }, (_, x) => (x === headDim ? 1 / scale : 0)),
  );
  const kept = new Map<number, { readonly key: Value; readonly value: Value }>();
  let wide: { readonly key: Value; readonly value: Value } | undefined;
  return {
    scale,
    offset: queryOffset(shape),
    span: isCausalSelf(shape) ? Math.min(span, shape.queries) : shape.queries,
    whole: (rows) => multiHeadAttention(rows, key, value, { heads: 1, scale }),
    near: (from, to) => ({ key: slice(key, 1, from, to), value: slice(value, 1, from, to) }),
    past(before) {
      wide ??= {
        key: concat([further, pad(key, 2, 0, 1)], 1),
        value: concat(
          [
            graph.constant(value.type, [1, 1, shape.valueDim + 1], [...new Array<number>(shape.valueDim).fill(0), 1]),
            pad(value, 2, 0, 1),
          ],
          1,
        ),
      };
      const own = kept.get(before) ?? {
        key: slice(wide.key, 1, 0, before + 1),
        value: slice(wide.value, 1, 0, before + 1),
      };
      kept.set(before, own);
      return own;
    },
    mask(length) {
      const minusInfinity = graph.constant(key.type, [1, 1], [-Infinity]);
      return triangle(expand(minusInfinity, [length, length]), 'upper', 1);
    },
  };
}

/** Rows `indices` of the span [start, end), [1, rows, d] to [1, rows, e]. */
function causal(rows: Value, indices: Value, source: Source, start: number, end: number): Value {
  const { offset, scale } = source;
  const near = source.near(offset + start, offset + end);
  const scores = fusedMatmul(rows, near.key, { transposeB: true, scale });
  const masked = add(scores, gather(source.mask(end - start), indices, 0));
  const probabilities = softmax(masked);
  const inside = matmul(probabilities, near.value);
  const before = offset + start;
  if (before === 0) return inside;
  const logDenominator = logSumOf(masked, probabilities);
  const past = source.past(before);
  const all = multiHeadAttention(concat([rows, logDenominator], 2), past.key, past.value, { heads: 1, scale });
  const width = Number(near.value.shape[2]);
  return add(slice(all, 2, 0, width), multiply(slice(all, 2, width), inside));
}

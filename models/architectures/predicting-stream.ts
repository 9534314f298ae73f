/**
 * Two streams of a text (ProphetNet, arXiv:2001.04063, section 3.2): that of the text, and one that predicts. A row has the numbers of both,
 * first those of the predicting stream, which alone the language head reads. All maps and norms of a block are of one stream and act on
 * both. Keys and values are those of the text; a row of the predicting stream reads the keys up to its own token and, besides, itself. It
 * begins as the position behind, so that no word of it is known.
 *
 * Heads stand twice: those of the predicting stream come first, h of 2 h. In training there are streams for later tokens too, which nothing
 * that is run reads.
 *
 * Scores have a term by the distance of a key: a map of the stream gives a number for each bucket of distances and head. A key of the text
 * is one position farther from the predicting stream, which stands behind its token.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, cast, clip, multiply, subtract } from '../../kernels/graph/operators/elementwise';
import { concat, gather, reshape, slice, transpose } from '../../kernels/graph/operators/layout';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import type { AttentionSpec, MappedBuckets, PredictingProjection } from './attention-spec';
import { linear } from './layers';
import { bucketOf, picked } from './score-terms';
import type { StoredWeights } from './stored-weights';

type Heads = Pick<AttentionSpec, 'heads' | 'headDim' | 'scale'>;

/** Key and value of a row of the predicting stream, which it alone reads, [b, n, h, d]. */
export interface OwnReading {
  readonly key: Value;
  readonly value: Value;
}

/** From x [b, n, 2 w]: query, key and value [b, n, 2 h, d] of heads, and what the predicting stream reads of itself. */
export function predictingHeads(
  graph: GraphBuilder,
  { heads, headDim }: Heads,
  { query, key, value }: PredictingProjection,
  weights: StoredWeights,
  x: Value,
): Record<'query' | 'key' | 'value', Value> & { readonly own: OwnReading } {
  const rows = x.shape.slice(0, -1);
  const [ofPredicting, ofText] = [slice(x, -1, 0, key.inputs), slice(x, -1, key.inputs)];
  const each = (map: typeof key, from: Value): Value =>
    reshape(linear(graph, weights, map, from), [...rows, heads / 2, headDim]);
  const shared = (map: typeof key): Value => {
    const made = each(map, ofText);
    return concat([made, made], -2);
  };
  return {
    query: reshape(linear(graph, weights, query, x), [...rows, heads, headDim]),
    key: shared(key),
    value: shared(value),
    own: { key: each(key, ofPredicting), value: each(value, ofPredicting) },
  };
}

/**
 * Of queries [b, 2 h, n, d] and the rows x [b, n, 2 w] that they are made of: what is added to scores, [b, 2 h, n, t]; the score of a row
 * for itself, [b, 2 h, n, 1], which is `none` for heads of the text; and the value that it weighs, [b, 2 h, n, d].
 */
export function predictingReads(
  graph: GraphBuilder,
  { heads, scale }: Heads,
  { map, buckets, farthest }: MappedBuckets,
  weights: StoredWeights,
  { x, query, own }: { readonly x: Value; readonly query: Value; readonly own: OwnReading },
  positions: { readonly queries: Value; readonly keys: Value },
  none: number,
): { readonly terms: Value; readonly score: Value; readonly value: Value } {
  const half = heads / 2;
  const [b = 'b', n = 'n'] = x.shape;
  const mapped = reshape(linear(graph, weights, map, x), [b, n, 2, buckets, half]);
  const byHead = reshape(transpose(mapped, [0, 2, 4, 1, 3]), [b, heads, n, buckets]);
  const known = Array.from({ length: farthest + 1 }, (_, steps) =>
    bucketOf(-steps, { buckets, farthest, bothWays: false }),
  );
  const table = graph.constant('int64', [known.length], known);
  /** Bucket of each query and key, [n, t], where the query stands so many positions behind its token. */
  const bucketsFrom = (behind: number): Value => {
    const column = reshape(cast(positions.queries, 'float32'), [n, 1]);
    const row = reshape(cast(positions.keys, 'float32'), [1, positions.keys.shape[0] ?? 1]);
    return gather(table, cast(clip(add(subtract(column, row), behind), 0, farthest), 'int64'));
  };
  const ofStream = (first: number): Value => slice(byHead, 1, first, first + half);
  const terms = concat([picked(ofStream(0), bucketsFrom(1)), picked(ofStream(half), bucketsFrom(0))], 1);
  const [key, value] = [own.key, own.value].map((rows) => transpose(rows, [0, 2, 1, 3])) as [Value, Value];
  // Of itself a row has the bucket of no distance.
  const product = multiply(reduceSum(multiply(slice(query, 1, 0, half), key), [-1]), scale);
  const score = add(product, slice(ofStream(0), -1, 0, 1));
  const nothing = multiply(score, 0);
  return { terms, score: concat([score, add(nothing, none)], 1), value: concat([value, multiply(value, 0)], 1) };
}

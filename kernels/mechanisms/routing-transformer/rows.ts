/** Rows of routed heads in the graph: on the sphere, compared with the centroids, found by their numbers. */
import { isNaNumber, where } from '../../graph/operators/elementwise';
import { filled, reshape } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { layerNormalization } from '../../graph/operators/normalize';
import { reduceSum } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { AttentionShape } from '../../shape';
import { layerNormEpsilon } from './clusters';
import type { RoutingParameters } from './rule';

/** Rows as they are clustered and compared: on the sphere where they are normalised. */
export const clustered = (x: Value, { normalise }: RoutingParameters): Value =>
  normalise ? layerNormalization(x, filled(x, [Number(x.shape.at(-1))], 1), undefined, layerNormEpsilon) : x;

export const indices = (like: Value, dims: readonly number[], f: (at: number) => number): Value =>
  like.graph.constant(
    'int64',
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, at) => f(at)),
  );

/** First row of each head's tensor when [b, count, length, w] is laid out as rows of w: for query heads, [b h, 1]. */
export const firstRows = (like: Value, { batch, heads }: AttentionShape, count: number, length: number): Value =>
  indices(like, [batch * heads, 1], (at) => {
    const [b, head] = [Math.floor(at / heads), at % heads];
    return (b * count + Math.floor(head / (heads / count))) * length;
  });

/**
 * Products with the centroids, [b, h, C, length], of keys or queries of `count` heads. A row that holds a NaN counts as zeros:
 * sorting knows no NaN. Rows are cleaned, not products, of which there are C / d times as many.
 */
export function scoresOf(rows: Value, centroids: Value, shape: AttentionShape): Value {
  const { batch, heads } = shape;
  const [, count, length, width] = rows.shape as readonly [number, number, number, number];
  const clusters = Number(centroids.shape[1]);
  const grouped = reshape(centroids, [1, count, (heads / count) * clusters, width]);
  const clean = where(isNaNumber(reduceSum(rows, [3])), 0, rows);
  return reshape(fusedMatmul(grouped, clean, { transposeB: true }), [batch, heads, clusters, length]);
}

/**
 * Scores by the waves of a distance (Transformer-XL, arXiv:1901.02860, section 3.3, as XLNet has them): with q a query, k a key and R(i - j)
 * the sines and cosines of the distance of a query at i from a key at j, s ((q + u) . k + (q + v) . W R(i - j)), where u and v are learned
 * for each head. By the sums of angles the product with R is one of what the query makes of sines and cosines of i with those of j. A class
 * that compares segments adds s (q + w) . e, where e is that of two tokens of one segment, since a text is one (Funnel).
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, cast, cosine, multiply, sine, subtract } from '../../kernels/graph/operators/elementwise';
import { concat, gather, reshape, slice, transpose } from '../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import type { AttentionSpec, RelativeWaves } from './attention-spec';
import { weight, type StoredWeights } from './stored-weights';
import { betweenOthers, groupPositions } from './token-groups';

/** What is added to the products of queries and keys: u . k [b, h, 1, t], and the term of positions [b, h, n, t]. */
export function waveScores(
  graph: GraphBuilder,
  { heads, headDim, scale, groups }: AttentionSpec,
  { map, width, content, position, segment }: RelativeWaves,
  weights: StoredWeights,
  { query, key }: { readonly query: Value; readonly key: Value },
  positions: { readonly queries: Value; readonly keys: Value },
): readonly Value[] {
  const half = width / 2;
  const rates = graph.constant(
    'float32',
    [1, half],
    Array.from({ length: half }, (_, i) => 10_000 ** ((-2 * i) / width)),
  );
  const angles = (of: Value): Value => multiply(reshape(cast(of, 'float32'), [of.shape[0] ?? 1, 1]), rates);
  const places = groups ? groupPositions(groups, positions) : positions;
  const [here, there] = [angles(places.queries), angles(places.keys)];
  const learned = (name: string): Value => reshape(weight(graph, weights, name, [heads, headDim]), [heads, 1, headDim]);
  /** [b, h, n, 1] */
  const ofSegment = ({ query: name, table }: NonNullable<RelativeWaves['segment']>): Value => {
    const same = gather(weight(graph, weights, table, [2, heads, headDim]), graph.constant('int64', [], [1]));
    return fusedMatmul(add(query, learned(name)), reshape(same, [heads, headDim, 1]), { scale });
  };
  const ofWaves = transpose(weight(graph, weights, map, [width, heads, headDim]), [1, 2, 0]);
  const made = fusedMatmul(add(query, learned(position)), ofWaves);
  const [ofSine, ofCosine] = [slice(made, -1, 0, half), slice(made, -1, half, width)];
  const [sin, cos] = [sine(here), cosine(here)];
  const turned = concat(
    [add(multiply(ofSine, sin), multiply(ofCosine, cos)), subtract(multiply(ofCosine, sin), multiply(ofSine, cos))],
    -1,
  );
  const waves = concat([cosine(there), sine(there)], -1);
  const ofPositions = fusedMatmul(turned, waves, { transposeB: true, scale });
  const all = segment ? add(ofPositions, ofSegment(segment)) : ofPositions;
  return [
    fusedMatmul(learned(content), key, { transposeB: true, scale }),
    groups ? multiply(all, betweenOthers(places)) : all,
  ];
}

/**
 * Units of the feed-forward network: a factor on each number of the input of the down projection. Neutral 1. A layer has this for
 * good in a graph of its own, in which that input has a name as well (the tap `mlp_units`).
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { multiply } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';

/** [b, u] */
export const declareUnitGain = (graph: GraphBuilder, units: number): Value =>
  graph.input('unit_gain', 'float32', ['b', units]);

/** Of the input of the down projection, [b, n, u]. */
export const gainedUnits = (gain: Value, inner: Value, name?: string): Value =>
  multiply(inner, reshape(gain, ['b', 1, gain.shape[1] ?? 1]), name);

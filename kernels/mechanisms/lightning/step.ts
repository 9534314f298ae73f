/** One step of decoding by a decayed state. */
import { stepInputs } from '../../graph/attention-graph';
import type { GraphBuilder } from '../../graph/builder';
import type { Graph } from '../../graph/graph';
import { add, multiply } from '../../graph/operators/elementwise';
import { reshape, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import type { AttentionShape, Precision } from '../../shape';
import { spreadHeads } from './rotation';

export interface StepOptions {
  readonly slopes: readonly number[];
  /** Width of a key once its features are taken. */
  readonly width: number;
  /** Acts on query and key. */
  readonly features: (x: Value) => Value;
  /** Acts on the output [b, h, 1, e]. */
  readonly finish: (x: Value) => Value;
  /** `features` gives a key for every query head. */
  readonly spread?: boolean;
}

/** kv <- exp(-slope) kv + k v^T; o = q kv, with `state` [b, h, width, e]. */
export function stepDecayed(
  builder: GraphBuilder,
  shape: AttentionShape,
  precision: Precision,
  { slopes, width, features, finish, spread }: StepOptions,
): Graph {
  const { batch, heads, valueDim } = shape;
  const kvHeads = spread ? heads : shape.kvHeads;
  const { query, key, value } = stepInputs(builder, shape, precision);
  const state = builder.input('state', precision, [batch, heads, width, valueDim]);
  const decays = builder.constant(
    precision,
    [heads, 1, 1],
    slopes.map((slope) => Math.exp(-slope)),
  );
  const added = fusedMatmul(features(key), spread ? spreadHeads(value, heads) : value, { transposeA: true });
  const aged = reshape(multiply(state, decays), [batch, kvHeads, heads / kvHeads, width, valueDim]);
  const next = reshape(add(aged, unsqueeze(added, 2)), state.shape);
  builder.output(finish(matmul(features(query), next)), 'output');
  builder.output(next, 'next.state');
  return builder.finish();
}

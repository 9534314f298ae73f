/**
 * Redistribution: a share s of the attention that a row gives to its sources goes to its receivers, in proportion to what they have:
 *
 *   p'_j = (1 - s) p_j for sources j, p_j (1 + s S / T) for receivers, p_j for all others; S and T what the row gives to both.
 *
 * Rows still sum to 1. A row moves nothing where T = 0, where it gives its region less than `least`, or where the keys of the region
 * that are no source get less than `ratio` of that. Sources are given, or keys whose column sum is above a limit.
 * Neutral: share 0, whose factor is exactly 1. A layer has this for good in a graph of its own: the factor has the size of the
 * probabilities.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import {
  add,
  and,
  cast,
  divide,
  greater,
  lessOrEqual,
  maximum,
  multiply,
  subtract,
} from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';

export interface RedistributionInputs {
  /** 1 for sources that are given, [b, h, t]. */
  readonly from: Value;
  /** Column sums above it make a source too; `noLimit` where none does, [b, h, t]. */
  readonly limit: Value;
  /** 1 for receivers; those that are sources are none, [b, h, t]. */
  readonly to: Value;
  /** 1 for keys of the region, [b, h, t]. */
  readonly region: Value;
  /** s, [b, h, n]. */
  readonly share: Value;
  /** `least` and `ratio`, [b, h, 2]. */
  readonly gate: Value;
}

/** The inputs by name. */
export const redistributionInputs = [
  'redistribution_from',
  'redistribution_limit',
  'redistribution_to',
  'redistribution_region',
  'redistribution_share',
  'redistribution_gate',
] as const;

/** 1 for each key that attention is taken from, [b, h, t]. */
export const sourcesOutput = 'redistribution.sources';

/** Column sums [b, h, t]. */
export const columnsOutput = 'redistribution.columns';

/** No sum of probabilities is above it. */
export const noLimit = 1e30;

export const declareRedistribution = (graph: GraphBuilder, heads: number, keys: string): RedistributionInputs => {
  const perKey = (name: (typeof redistributionInputs)[number]): Value =>
    graph.input(name, 'float32', ['b', heads, keys]);
  return {
    from: perKey('redistribution_from'),
    limit: perKey('redistribution_limit'),
    to: perKey('redistribution_to'),
    region: perKey('redistribution_region'),
    share: graph.input('redistribution_share', 'float32', ['b', heads, 'n']),
    gate: graph.input('redistribution_gate', 'float32', ['b', heads, 2]),
  };
};

/** Probabilities [b, h, n, t] after what is moved. */
export function redistributed(
  graph: GraphBuilder,
  { from, limit, to, region, share, gate }: RedistributionInputs,
  probabilities: Value,
  name?: string,
): Value {
  const [, heads = 1, , keys = 1] = probabilities.shape;
  const sums = reduceSum(probabilities, [2], false);
  const sources = maximum(from, cast(greater(sums, limit), 'float32'));
  const others = subtract(1, sources);
  const receivers = multiply(to, others);
  const column = (of: Value): Value => reshape(of, ['b', heads, keys, 1]);
  // One pass over the probabilities gives all four masses of a row.
  const masses = matmul(
    probabilities,
    concat([column(sources), column(receivers), column(region), column(multiply(region, others))], 3),
  );
  const [taken, got, seen, beside] = [0, 1, 2, 3].map((at) => slice(masses, 3, at, at + 1));
  const [least, ratio] = [0, 1].map((at) => reshape(slice(gate, 2, at, at + 1), ['b', heads, 1, 1]));
  if (!taken || !got || !seen || !beside || !least || !ratio) throw new Error('unreachable: there are four and two');
  const open = and(and(lessOrEqual(least, seen), lessOrEqual(multiply(ratio, seen), beside)), greater(got, 0));
  const moved = multiply(reshape(share, ['b', heads, 'n', 1]), cast(open, 'float32'));
  const gain = divide(multiply(moved, taken), maximum(got, 1e-30));
  // [-s, gain, 1] x [sources; receivers; 1]: 1 exactly where nothing is moved.
  const one = add(multiply(moved, 0), 1);
  const row = (of: Value): Value => reshape(of, ['b', heads, 1, keys]);
  const factor = matmul(
    concat([multiply(moved, -1), gain, one], 3),
    concat([row(sources), row(receivers), row(add(multiply(others, 0), 1))], 2),
  );
  graph.output(sources, sourcesOutput);
  graph.output(sums, columnsOutput);
  return multiply(probabilities, factor, name);
}

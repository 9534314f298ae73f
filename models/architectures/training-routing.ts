/**
 * Heads chosen token by token, as they are trained (MoH, arXiv:2410.11842, the LLaMA3 variant): the forward pass has the gains 1 and 0 of
 * `fixedGains`, the backward pass those of the probabilities.
 *
 * The E heads that are not shared have queries of lengths r_e: p = softmax over them of r_e / std (n - 1 in the divisor). The gradient of
 * the gain of each of them, chosen or not, goes to p_e, and from there to the queries. Loads, over tokens counted as the loss counts
 * them: f_e, the share of tokens that have e; P_e, the mean of p_e. Balance loss of a layer, as in the code of the release: E sum_e P_e f_e;
 * no gradient goes through f_e.
 */
import type { Value } from '../../kernels/graph/records';
import {
  add,
  divide,
  logarithm,
  maximum,
  multiply,
  squareRoot,
  subtract,
} from '../../kernels/graph/operators/elementwise';
import { gather, reshape } from '../../kernels/graph/operators/layout';
import { reduceMean, reduceSum, softmax } from '../../kernels/graph/operators/reduce';
import { straightThrough } from '../../kernels/training/straight-through';
import { fixedGains, squaredNorms, type FixedRouting } from '../instrument/changes/routing';

export interface TrainedRouting {
  /** Gains of all heads, [b, n, h]. */
  readonly gains: Value;
  /** 1 where a token has the head, for the heads that are not shared, in their order, [b, n, E]. */
  readonly chosen: Value;
  /** The probabilities of the same heads, [b, n, E]. */
  readonly probabilities: Value;
}

/**
 * Routing by queries before rotation, [b, n, h, d]. Undefined where nothing is chosen: all heads that are not shared are there,
 * or none.
 */
export function trainedRouting(routing: FixedRouting, query: Value): TrainedRouting | undefined {
  const heads = Number(query.shape.at(-2) ?? 1);
  const others = Array.from({ length: heads }, (_, head) => head).filter((head) => !routing.shared.includes(head));
  const { graph } = query;
  const lead = query.shape.slice(0, -2);
  if (others.length < 2 || routing.active === 0 || routing.active === others.length) return undefined;
  const indices = graph.constant('int64', [others.length], others);
  const fixed = fixedGains(routing, query);
  const chosen = gather(fixed, indices, -1);
  // A root has no derivative at 0.
  const lengths = squareRoot(maximum(gather(squaredNorms(query), indices, -1), 1e-24));
  const deviations = subtract(lengths, reduceMean(lengths, [-1]));
  const variance = divide(reduceSum(multiply(deviations, deviations), [-1]), others.length - 1);
  const probabilities = softmax(divide(lengths, squareRoot(maximum(variance, 1e-12))), -1);
  const through = straightThrough(chosen, probabilities);
  // Back among all heads: a column for each head that is not shared, and 1 for those that are.
  const places = graph.constant(
    'float32',
    [others.length, heads],
    others.flatMap((head) => Array.from({ length: heads }, (_, at) => (at === head ? 1 : 0))),
  );
  const always = graph.constant(
    'float32',
    [heads],
    Array.from({ length: heads }, (_, head) => (routing.shared.includes(head) ? 1 : 0)),
  );
  const spread = reduceSum(multiply(reshape(through, [...lead, others.length, 1]), places), [-2], false);
  return { gains: add(spread, always), chosen, probabilities };
}

export interface RoutingLoads {
  /** f_e and P_e, [E]. */
  readonly load: Value;
  readonly probability: Value;
  /** Mean over tokens of -sum p ln p, nats, scalar. */
  readonly entropy: Value;
}

/** `counted`: how much each token counts, [b, n]. */
export function routingLoads({ chosen, probabilities }: Omit<TrainedRouting, 'gains'>, counted: Value): RoutingLoads {
  const share = divide(counted, reduceSum(counted, [0, 1]));
  const each = reshape(share, [...counted.shape, 1]);
  const mean = (value: Value): Value => reduceSum(multiply(value, each), [0, 1], false);
  const surprise = multiply(probabilities, logarithm(probabilities));
  return {
    load: mean(chosen),
    probability: mean(probabilities),
    entropy: multiply(reduceSum(multiply(surprise, each), [0, 1, 2], false), -1),
  };
}

/** E sum_e P_e f_e, scalar. */
export function balanceLoss({ load, probability }: Pick<RoutingLoads, 'load' | 'probability'>): Value {
  return multiply(reduceSum(multiply(load, probability), [0], false), Number(load.shape[0]));
}

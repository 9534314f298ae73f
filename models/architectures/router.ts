/**
 * The router of a layer as graph nodes: which experts each token has, and what each of them counts (`RouterRules` says the rules of a
 * family).
 *
 * Shapes: [..., n] positions, H width, E experts, k experts of a token.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { shapeOf } from '../../kernels/graph/operators/dynamic';
import {
  absolute,
  add,
  divide,
  greater,
  maximum,
  multiply,
  sigmoid,
  where,
} from '../../kernels/graph/operators/elementwise';
import { reshape, scatterElements, unsqueeze } from '../../kernels/graph/operators/layout';
import { reduceMax, reduceSum, softmax, topK } from '../../kernels/graph/operators/reduce';
import type { RouterTap } from '../instrument/taps';
import { linear } from './layers';
import type { RouterSpec } from './network-spec';
import { weight, type StoredWeights } from './stored-weights';

/** What a graph does inside a router; each takes and gives [..., E]. */
export interface RouterBranches {
  /** The products of the router with the stream, before softmax or sigmoid. */
  readonly products?: (products: Value) => Value;
  /** What the k largest are chosen by, groups and learned biases included. */
  readonly choice?: (scores: Value) => Value;
  /** Values that get the name of their tap. Without it they have no name, so a graph may have several routers. */
  readonly tap?: (value: Value, name: RouterTap) => Value;
}

interface Routed {
  /** [..., E]: 0 where an expert is not chosen. */
  readonly weights: Value;
  /** [..., E]: 1 where it is chosen. */
  readonly chosen: Value;
}

const same = (value: Value): Value => value;

/** The name of a tap, if there is one. */
const nameFor = (tap: NonNullable<RouterBranches['tap']>, name: RouterTap): RouterTap | undefined =>
  tap === same ? undefined : name;

/** x [..., H] to the experts of each row. */
export function routed(
  graph: GraphBuilder,
  router: RouterSpec,
  weights: StoredWeights,
  x: Value,
  { products: onProducts = same, choice: onChoice = same, tap = same }: RouterBranches = {},
): Routed {
  const products = onProducts(linear(graph, weights, router.linear, x));
  const found =
    router.mixer === undefined
      ? chosenByScores(graph, router, weights, products, { choice: onChoice, tap })
      : mixed(graph, router.mixer, products, tap);
  return { weights: tap(found.weights, 'router.weights'), chosen: tap(found.chosen, 'router.chosen') };
}

function chosenByScores(
  graph: GraphBuilder,
  router: RouterSpec,
  weights: StoredWeights,
  products: Value,
  { choice: onChoice, tap }: Required<Omit<RouterBranches, 'products'>>,
): Routed {
  const { perToken, choiceBias, groups, normalised, factor } = router;
  const called = nameFor(tap, 'router.scores');
  const scores = tap(
    router.scores === 'softmax' ? softmax(products, -1, called) : sigmoid(products, called),
    'router.scores',
  );
  const experts = router.linear.outputs;
  const biased = choiceBias
    ? add(scores, reshape(weight(graph, weights, choiceBias.name, choiceBias.shape), [experts]))
    : scores;
  const choice = onChoice(groups ? withinGroups(graph, groups, biased, experts) : biased);
  const chosen = marked(graph, choice, perToken, nameFor(tap, 'router.chosen'));
  const { expertFactors } = router;
  const last = expertFactors !== undefined ? 'each' : factor !== undefined ? 'factor' : normalised ? 'share' : 'own';
  const named = (step: typeof last): string | undefined => (step === last ? nameFor(tap, 'router.weights') : undefined);
  const own = multiply(scores, chosen, named('own'));
  const sum = normalised ? add(reduceSum(own, [-1]), 1e-20) : undefined;
  const shares = sum ? divide(own, sum, named('share')) : own;
  const scaled = factor === undefined ? shares : multiply(shares, factor, named('factor'));
  if (expertFactors === undefined) return { weights: scaled, chosen };
  return { weights: multiply(scaled, weight(graph, weights, expertFactors, [experts]), named('each')), chosen };
}

/** 1 at the k largest of each row, 0 elsewhere. */
function marked(graph: GraphBuilder, x: Value, k: number, name?: string): Value {
  const [, indices] = topK(x, k, -1);
  return scatterElements(like(graph, x, 0), indices, like(graph, indices, 1), -1, 'none', name);
}

/** A number in the shape of x, float32. */
export const like = (graph: GraphBuilder, x: Value, number: number): Value =>
  graph.node('Expand', [graph.constant('float32', [], [number]), shapeOf(x)], [{ type: 'float32', shape: x.shape }])[0];

/** Scores of experts outside of the best groups become less than any score. */
function withinGroups(
  graph: GraphBuilder,
  { count, kept, by }: NonNullable<RouterSpec['groups']>,
  scores: Value,
  experts: number,
): Value {
  const lead = scores.shape.slice(0, -1);
  const grouped = reshape(scores, [...lead, count, experts / count]);
  const best =
    by === 'largest'
      ? reduceMax(grouped, [-1], false)
      : reduceSum(topK(grouped, Math.min(2, experts / count), -1)[0], [-1], false);
  const open = greater(unsqueeze(marked(graph, best, kept), -1), 0);
  return reshape(where(open, grouped, graph.constant('float32', [], [-1e30])), [...lead, experts]);
}

/** SparseMixer with two experts: the share of each among the products that are near enough to it. */
function mixed(graph: GraphBuilder, part: number, products: Value, tap: NonNullable<RouterBranches['tap']>): Routed {
  const least = graph.constant('float32', [], [-1e30]);
  tap(softmax(products, -1, nameFor(tap, 'router.scores')), 'router.scores');
  const round = (left: Value): Routed => {
    const largest = reduceMax(left, [-1]);
    const far = greater(divide(add(largest, multiply(products, -1)), maximum(absolute(products), largest)), 2 * part);
    const shares = softmax(where(far, least, left), -1);
    const chosen = marked(graph, left, 1);
    return { weights: multiply(shares, chosen), chosen };
  };
  const first = round(products);
  const second = round(where(greater(first.chosen, 0), least, products));
  return {
    weights: add(first.weights, second.weights, nameFor(tap, 'router.weights')),
    chosen: add(first.chosen, second.chosen, nameFor(tap, 'router.chosen')),
  };
}

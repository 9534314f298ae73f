/**
 * Routed experts as graph nodes: each token chooses k of E networks by the scores of a router, and gets the sum of what they give by
 * its weights (Shazeer et al. 2017, arXiv:1701.06538).
 *
 * Only chosen experts are computed: the rows of the stream are laid out expert by expert, each expert multiplies its own, and what they
 * give is added back to the rows. A product of no rows ends after some microseconds and reads none of its weights; a branch (If) that is not
 * taken takes longer (onnxruntime 1.30, 2026-12-01; docs/measured.md).
 * In graphs that are differentiated every expert is computed for every row, and counts 0 where it was not chosen.
 *
 * Shapes: r rows (batch x positions), H width, E experts, k experts of a token, m rows of one expert.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Value } from '../../kernels/graph/records';
import { shapeOf } from '../../kernels/graph/operators/dynamic';
import { add, cast, divide, greater, multiply, sigmoid, where } from '../../kernels/graph/operators/elementwise';
import {
  gather,
  reshape,
  scatterElements,
  scatterRows,
  slice,
  transpose,
  unsqueeze,
} from '../../kernels/graph/operators/layout';
import { reduceMax, reduceSum, softmax, topK } from '../../kernels/graph/operators/reduce';
import { innerOf, linear } from './layers';
import type { FeedForwardSpec, Linear, RoutedSpec, RouterSpec } from './model-spec';
import { weight, type StoredWeights } from './stored-weights';

/** A dense network, x [rows, H] to [rows, H]. */
type Network = (graph: GraphBuilder, spec: FeedForwardSpec, x: Value) => Value;

/** x [..., H] to what the experts of each row give, and the shared network. */
export function routedNetworks(
  graph: GraphBuilder,
  spec: RoutedSpec,
  weights: StoredWeights,
  x: Value,
  { network, every }: { readonly network: Network; readonly every: boolean },
): Value {
  const [width = 0] = x.shape.slice(-1);
  const lead = x.shape.slice(0, -1);
  const rows: Dim = lead.length === 1 ? (lead[0] ?? 1) : lead.join('*');
  const flat = every || lead.length === 1 ? x : reshape(x, [rows, width]);
  const counted = routerWeights(graph, spec.router, weights, flat);
  const routed = every
    ? ofEvery(graph, spec, flat, counted.weights, network)
    : ofChosen(graph, spec, weights, flat, counted);
  const { shared, sharedGate } = spec;
  const own = shared && network(graph, shared, flat);
  const gated = own && sharedGate ? multiply(own, sigmoid(linear(graph, weights, sharedGate, flat))) : own;
  const sum = gated ? add(routed, gated) : routed;
  if (flat === x) return sum;
  return graph.node('Reshape', [sum, shapeOf(x)], [{ type: x.type, shape: x.shape }])[0];
}

interface Counted {
  /** [r, E]: 0 where an expert is not chosen. */
  readonly weights: Value;
  /** [r, E]: 1 where it is chosen. */
  readonly chosen: Value;
}

function routerWeights(graph: GraphBuilder, router: RouterSpec, weights: StoredWeights, x: Value): Counted {
  const products = linear(graph, weights, router.linear, x);
  if (router.mixer !== undefined) return mixed(graph, router.mixer, products);
  const { perToken, choiceBias, groups, normalised, factor } = router;
  const scores = router.scores === 'softmax' ? softmax(products, -1) : sigmoid(products);
  const experts = router.linear.outputs;
  const biased = choiceBias
    ? add(scores, reshape(weight(graph, weights, choiceBias.name, choiceBias.shape), [experts]))
    : scores;
  const choice = groups ? withinGroups(graph, groups, biased, experts) : biased;
  const chosen = marked(graph, choice, perToken);
  const own = multiply(scores, chosen);
  const sum = normalised ? add(reduceSum(own, [-1]), 1e-20) : undefined;
  const shares = sum ? divide(own, sum) : own;
  return { weights: factor === undefined ? shares : multiply(shares, factor), chosen };
}

/** 1 at the k largest of each row, 0 elsewhere. */
function marked(graph: GraphBuilder, x: Value, k: number): Value {
  const [, indices] = topK(x, k, -1);
  return scatterElements(like(graph, x, 0), indices, like(graph, indices, 1), -1);
}

/** A number in the shape of x, float32. */
const like = (graph: GraphBuilder, x: Value, number: number): Value =>
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
function mixed(graph: GraphBuilder, part: number, products: Value): Counted {
  const least = graph.constant('float32', [], [-1e30]);
  const round = (left: Value): Counted => {
    const largest = reduceMax(left, [-1]);
    const magnitude = graph.node('Abs', [products], [{ type: products.type, shape: products.shape }])[0];
    const above = graph.node('Max', [magnitude, largest], [{ type: products.type, shape: products.shape }])[0];
    const far = greater(divide(add(largest, multiply(products, -1)), above), 2 * part);
    const shares = softmax(where(far, least, left), -1);
    const chosen = marked(graph, left, 1);
    return { weights: multiply(shares, chosen), chosen };
  };
  const first = round(products);
  const second = round(where(greater(first.chosen, 0), least, products));
  return { weights: add(first.weights, second.weights), chosen: add(first.chosen, second.chosen) };
}

function ofEvery(graph: GraphBuilder, { experts }: RoutedSpec, x: Value, weights: Value, network: Network): Value {
  const parts = experts.map((expert, at) => multiply(network(graph, expert, x), slice(weights, -1, at, at + 1)));
  return parts.reduce((sum, part) => add(sum, part));
}

function ofChosen(
  graph: GraphBuilder,
  { experts, router }: RoutedSpec,
  weights: StoredWeights,
  x: Value,
  { weights: shareOf, chosen }: Counted,
): Value {
  const rows = x.shape[0] ?? 1;
  const width = Number(x.shape[1]);
  const pairs: Dim = typeof rows === 'number' ? rows * router.perToken : `${router.perToken}*${rows}`;
  const byExpert = transpose(chosen, [1, 0]);
  // Pairs of expert and row, all rows of an expert one after the other.
  const places = transpose(graph.node('NonZero', [byExpert], [{ type: 'int64', shape: [2, pairs] }])[0], [1, 0]);
  const owners = slice(places, 1, 1, 2);
  const shares = graph.node('GatherND', [transpose(shareOf, [1, 0]), places], [{ type: 'float32', shape: [pairs] }])[0];
  const gathered = gather(x, reshape(owners, [pairs]), 0);
  const counts = cast(reduceSum(byExpert, [1], false), 'int64');
  const [first] = experts;
  if (!first) throw new RangeError('there are no experts');
  const ofExperts = (all: Value): readonly Value[] =>
    graph.node(
      'Split',
      [all, counts],
      experts.map((_, at) => ({ type: all.type, shape: [`rows.${at}`, all.shape[1] ?? 1] })),
      { axis: { kind: 'int', value: 0 } },
    );
  const mapped = (all: readonly Value[], map: (spec: FeedForwardSpec) => Linear, outputs: number): Value =>
    graph.node(
      'Concat',
      experts.map((expert, at) => linear(graph, weights, map(expert), all[at] ?? gathered)),
      [{ type: gathered.type, shape: [pairs, outputs] }],
      { axis: { kind: 'int', value: 0 } },
    )[0];
  const parts = ofExperts(gathered);
  const { inputs: units } = first.down;
  const up = mapped(parts, (spec) => spec.up, units);
  const gate = first.gate && mapped(parts, (spec) => spec.gate ?? spec.up, units);
  const inner = innerOf(graph, weights, first, up, gate);
  const given = mapped(ofExperts(inner), (spec) => spec.down, width);
  return scatterRows(like(graph, x, 0), owners, multiply(given, unsqueeze(shares, 1)), 'add');
}

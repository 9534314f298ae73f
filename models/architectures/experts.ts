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
import { add, cast, multiply, sigmoid } from '../../kernels/graph/operators/elementwise';
import { gather, reshape, scatterRows, slice, transpose, unsqueeze } from '../../kernels/graph/operators/layout';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import { adjacentProduct } from './adjacent-weights';
import { innerOf, linear, norm } from './layers';
import type { FeedForwardSpec, RoutedNorms, RoutedSpec } from './network-spec';
import { like, routed, type RouterBranches } from './router';
import type { StoredWeights } from './stored-weights';
import type { Linear } from './weights-spec';

/** A dense network, x [rows, H] to [rows, H]. */
type Network = (graph: GraphBuilder, spec: FeedForwardSpec, x: Value) => Value;

/** x [..., H] to what the experts of each row give, and the shared network. */
export function routedNetworks(
  graph: GraphBuilder,
  spec: RoutedSpec,
  weights: StoredWeights,
  x: Value,
  {
    network,
    every,
    router = {},
    apart,
  }: {
    readonly network: Network;
    readonly every: boolean;
    readonly router?: RouterBranches | undefined;
    /** Takes the output of the experts, in the form of x; it is then not added. */
    readonly apart?: ((sum: Value) => void) | undefined;
  },
): Value {
  const lead = x.shape.slice(0, -1);
  const rows: Dim = lead.length === 1 ? (lead[0] ?? 1) : lead.join('*');
  const flattened = (value: Value): Value =>
    every || lead.length === 1 ? value : reshape(value, [rows, value.shape.at(-1) ?? 1]);
  const flat = flattened(x);
  const { norms } = spec;
  const through = (of: keyof RoutedNorms, rows: Value): Value => (norms ? norm(graph, weights, norms[of], rows) : rows);
  const { weights: shares, chosen } = routed(graph, spec.router, weights, through('router', x), router);
  const { shared, sharedGate, latent } = spec;
  const narrow = (rows: Value): Value => {
    const read = through('experts', rows);
    return latent ? linear(graph, weights, latent.down, read) : read;
  };
  const given = every
    ? ofEvery(graph, spec, narrow(x), shares, network)
    : ofChosen(graph, spec, weights, narrow(flat), { shares: flattened(shares), chosen: flattened(chosen) });
  const sum = through('expertsOutput', latent ? linear(graph, weights, latent.up, given) : given);
  const own = shared && through('sharedOutput', network(graph, shared, through('shared', flat)));
  const gated = own && sharedGate ? multiply(own, sigmoid(linear(graph, weights, sharedGate, flat))) : own;
  const back = (all: Value): Value =>
    flat === x ? all : graph.node('Reshape', [all, shapeOf(x)], [{ type: x.type, shape: x.shape }])[0];
  if (!apart) return back(gated ? add(sum, gated) : sum);
  apart(back(sum));
  return gated ? back(gated) : multiply(x, 0);
}

/** The output of experts that return their input: x [..., w] times their shares [..., E]; undefined if there are none. */
function ofIdentity({ experts, identity = 0 }: RoutedSpec, x: Value, shares: Value): Value | undefined {
  if (identity === 0) return undefined;
  return multiply(x, reduceSum(slice(shares, -1, experts.length, experts.length + identity), [-1]));
}

function ofEvery(
  graph: GraphBuilder,
  { experts, router, ...spec }: RoutedSpec,
  x: Value,
  shares: Value,
  network: Network,
): Value {
  const parts = experts.map((expert, at) => {
    const share = slice(shares, -1, at, at + 1);
    return router.onInput ? network(graph, expert, multiply(x, share)) : multiply(network(graph, expert, x), share);
  });
  const same = ofIdentity({ experts, router, ...spec }, x, shares);
  return [...parts, ...(same ? [same] : [])].reduce((sum, part) => add(sum, part));
}

function ofChosen(
  graph: GraphBuilder,
  spec: RoutedSpec,
  weights: StoredWeights,
  x: Value,
  { shares: shareOf, chosen }: { readonly shares: Value; readonly chosen: Value },
): Value {
  const { experts, router } = spec;
  const rows = x.shape[0] ?? 1;
  const same = ofIdentity(spec, x, shareOf);
  const known: Dim = typeof rows === 'number' ? rows * router.perToken : `${router.perToken}*${rows}`;
  const pairs: Dim = same ? 'pairs' : known;
  const byExpert = transpose(same ? slice(chosen, 1, 0, experts.length) : chosen, [1, 0]);
  // Pairs of expert and row, all rows of an expert one after the other.
  const places = transpose(graph.node('NonZero', [byExpert], [{ type: 'int64', shape: [2, pairs] }])[0], [1, 0]);
  const owners = slice(places, 1, 1, 2);
  const shares = graph.node('GatherND', [transpose(shareOf, [1, 0]), places], [{ type: 'float32', shape: [pairs] }])[0];
  const column = unsqueeze(shares, 1);
  const own = gather(x, reshape(owners, [pairs]), 0);
  const gathered = router.onInput ? multiply(own, column) : own;
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
  const joined = (products: readonly Value[], outputs: number): Value =>
    graph.node('Concat', products, [{ type: gathered.type, shape: [pairs, outputs] }], {
      axis: { kind: 'int', value: 0 },
    })[0];
  const mapped = (all: readonly Value[], map: (spec: FeedForwardSpec) => Linear): Value =>
    joined(
      experts.map((expert, at) => linear(graph, weights, map(expert), all[at] ?? gathered)),
      map(first).outputs,
    );
  const parts = ofExperts(gathered);
  const { inputs: units } = first.down;
  const both = experts.map(({ gate, up }) => gate && adjacentProduct(graph, weights, gate, up));
  let [gate, up]: (Value | undefined)[] = [];
  if (both.every((product) => product !== undefined)) {
    const products = joined(
      both.map((product, at) => product(parts[at] ?? gathered)),
      2 * units,
    );
    gate = slice(products, 1, 0, units);
    up = slice(products, 1, units);
  } else {
    gate = first.gate && mapped(parts, (spec) => spec.gate ?? spec.up);
    up = mapped(parts, (spec) => spec.up);
  }
  const inner = innerOf(graph, weights, first, up, gate);
  const given = mapped(ofExperts(inner), (spec) => spec.down);
  return scatterRows(same ?? like(graph, x, 0), owners, router.onInput ? given : multiply(given, column), 'add');
}

/**
 * Heads whose queries and outputs are chosen among experts (MixtureProjection of attention-spec.ts).
 *
 * Only the maps of chosen experts are computed: pairs of a token and a rank lie side by side expert by expert, each expert maps its own, and
 * the results go back to where the pairs were. In graphs that are differentiated all experts are computed for every row, and those that a
 * token did not choose count nothing: a product with rows of zeros and a one.
 *
 * Shapes: E experts, k experts of a token, m heads of an expert, d width of a head, r rows (batch x positions), p = r k pairs.
 */
import type { Dim } from '../../kernels/graph/dims';
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { nonZero, shapeOf } from '../../kernels/graph/operators/dynamic';
import { add, cast, divide, equal, multiply } from '../../kernels/graph/operators/elementwise';
import {
  concat,
  gather,
  reshape,
  scatterRows,
  slice,
  transpose,
  unsqueeze,
} from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { reduceSum, softmax, topK } from '../../kernels/graph/operators/reduce';
import { linear } from './layers';
import type { AttentionSpec, MixtureProjection } from './attention-spec';
import { ModelError } from './model-spec';
import { weight, type StoredWeights } from './stored-weights';
import type { Linear } from './weights-spec';

/** What attention adds, [..., w], of the outputs of the heads side by side, [..., k m d]. */
export type ExpertOutputs = (joined: Value) => Value;

type Spec = Pick<AttentionSpec, 'headDim' | 'output'>;

/** x [..., w] to queries, keys and values [..., k m, d]; `every`: for a graph that is differentiated. */
export function expertHeads(
  graph: GraphBuilder,
  spec: Spec,
  projection: MixtureProjection,
  weights: StoredWeights,
  x: Value,
  forKeys: Value,
  every: boolean,
): { readonly query: Value; readonly key: Value; readonly value: Value; readonly experts: ExpertOutputs } {
  const { perToken, key, value } = projection;
  const { headDim } = spec;
  const repeated = (map: Linear): Value => {
    const once = reshape(linear(graph, weights, map, forKeys), [
      ...x.shape.slice(0, -1),
      key.outputs / headDim,
      headDim,
    ]);
    return perToken === 1 ? once : concat(new Array<Value>(perToken).fill(once), -2);
  };
  const own = every ? ofEvery(graph, spec, projection, weights, x) : ofChosen(graph, spec, projection, weights, x);
  return { ...own, key: repeated(key), value: repeated(value) };
}

interface Chosen {
  readonly query: Value;
  readonly experts: ExpertOutputs;
}

const ofExpert = (map: Linear, expert: number, outputs: number): Linear => ({
  ...map,
  bias: undefined,
  outputs,
  firstRow: expert * outputs,
});

const biased = (graph: GraphBuilder, weights: StoredWeights, { bias, outputs }: Linear, x: Value): Value =>
  bias === undefined ? x : add(x, weight(graph, weights, bias, [outputs]));

const numbered = (graph: GraphBuilder, shape: readonly number[], count: number): Value =>
  graph.constant(
    'int64',
    shape,
    Array.from({ length: count }, (_, expert) => expert),
  );

function ofChosen(
  graph: GraphBuilder,
  { headDim, output }: Spec,
  { router, perToken, key, query }: MixtureProjection,
  weights: StoredWeights,
  x: Value,
): Chosen {
  const lead = x.shape.slice(0, -1);
  const rows: Dim = lead.length === 1 ? (lead[0] ?? 1) : lead.join('*');
  const flat = lead.length === 1 ? x : reshape(x, [rows, x.shape.at(-1) ?? 1]);
  const pairs: Dim = typeof rows === 'number' ? rows * perToken : `${perToken}*${rows}`;
  const { outputs: count } = router;
  const own = key.outputs;
  const [products, indices] = topK(linear(graph, weights, router, flat), perToken, -1);
  const byExpert = equal(unsqueeze(indices, 0), numbered(graph, [count, 1, 1], count));
  const places = nonZero(byExpert, pairs);
  const owners = slice(places, 0, 1, 2);
  // A pair is numbered row k + rank.
  const slots = add(multiply(owners, perToken), slice(places, 0, 2, 3));
  const counts = cast(reduceSum(cast(byExpert, 'float32'), [1, 2], false), 'int64');
  const shares = reshape(softmax(products, -1), [pairs, 1]);
  /** Each expert maps its own pairs; the results stand where the pairs were. */
  const mapped = (all: Value, map: Linear, outputs: number, share?: Value): Value => {
    const parts = graph.node(
      'Split',
      [all, counts],
      Array.from({ length: count }, (_, at) => ({ type: all.type, shape: [`pairs.${at}`, all.shape[1] ?? 1] })),
      { axis: { kind: 'int', value: 0 } },
    );
    const given = graph.node(
      'Concat',
      parts.map((part, at) => linear(graph, weights, ofExpert(map, at, outputs), part)),
      [{ type: all.type, shape: [pairs, outputs] }],
      { axis: { kind: 'int', value: 0 } },
    )[0];
    const counted = share ? multiply(given, share) : given;
    return scatterRows(counted, reshape(slots, [pairs, 1]), counted);
  };
  const back = (all: Value, shape: readonly number[]): Value => {
    if (lead.length === 1) return reshape(all, [...lead, ...shape]);
    const whole = concat([shapeOf(x, 0, lead.length), graph.constant('int64', [shape.length], shape)], 0);
    return graph.node('Reshape', [all, whole], [{ type: all.type, shape: [...lead, ...shape] }])[0];
  };
  const queries = mapped(gather(flat, reshape(owners, [pairs]), 0), query, own);
  return {
    query: back(queries, [(perToken * own) / headDim, headDim]),
    experts: (joined) => {
      const order = reshape(slots, [pairs]);
      const read = gather(reshape(joined, [pairs, own]), order, 0);
      const added = mapped(read, output, output.outputs, gather(shares, order, 0));
      const sum = reduceSum(reshape(added, [rows, perToken, output.outputs]), [1], false);
      return biased(graph, weights, output, back(sum, [output.outputs]));
    },
  };
}

/** [..., k, E]: 1 where the expert has this rank, 0 elsewhere; [..., E, 1]: softmax of the products of the chosen ones, 0 elsewhere. */
function ranksOf(
  graph: GraphBuilder,
  { router, perToken }: MixtureProjection,
  weights: StoredWeights,
  x: Value,
): { readonly ranks: Value; readonly shares: Value } {
  const products = linear(graph, weights, router, x);
  const [, indices] = topK(products, perToken, -1);
  const numbers = numbered(graph, [router.outputs], router.outputs);
  const ranks = cast(equal(unsqueeze(indices, indices.shape.length), numbers), 'float32');
  const own = multiply(softmax(products, -1), reduceSum(ranks, [-2], false));
  const shares = divide(own, reduceSum(own, [-1]));
  return { ranks, shares: unsqueeze(shares, shares.shape.length) };
}

function ofEvery(
  graph: GraphBuilder,
  { headDim, output }: Spec,
  projection: MixtureProjection,
  weights: StoredWeights,
  x: Value,
): Chosen {
  const rows = x.shape.slice(0, -1);
  const { perToken, key, query } = projection;
  const [own, count] = [key.outputs, projection.router.outputs];
  const { ranks, shares } = ranksOf(graph, projection, weights, x);
  const all = reshape(linear(graph, weights, query, x), [...rows, count, own]);
  return {
    query: reshape(matmul(ranks, all), [...rows, (perToken * own) / headDim, headDim]),
    experts: (joined) => {
      const byRank = reshape(joined, [...rows, perToken, own]);
      // A sum over ranks, of which an expert has one or none.
      const ofRank = Array.from({ length: perToken }, (_, rank) =>
        multiply(reshape(slice(ranks, -2, rank, rank + 1), [...rows, count, 1]), slice(byRank, -2, rank, rank + 1)),
      );
      const read = multiply(
        ofRank.reduce((sum, each) => add(sum, each)),
        shares,
      );
      const given = Array.from({ length: count }, (_, expert) =>
        linear(
          graph,
          weights,
          ofExpert(output, expert, output.outputs),
          reshape(slice(read, -2, expert, expert + 1), [...rows, own]),
        ),
      ).reduce((sum, each) => add(sum, each));
      return biased(graph, weights, output, given);
    },
  };
}

/**
 * A direction [n, w] of what attention adds as a direction of the outputs of its heads, [n, k m d]: router and choice stay those of the
 * input x [n, w].
 */
export function expertDirections(
  graph: GraphBuilder,
  { output }: Pick<Spec, 'output'>,
  projection: MixtureProjection,
  weights: StoredWeights,
  x: Value,
  direction: Value,
): Value {
  const [rows = 'n'] = x.shape;
  const { perToken, router, key } = projection;
  const { ranks, shares } = ranksOf(graph, projection, weights, x);
  const stored = weight(graph, weights, output.weight, output.storedShape ?? []);
  const matrices = reshape(stored, [router.outputs, output.outputs, key.outputs]);
  const byExpert = transpose(fusedMatmul(unsqueeze(direction, 0), matrices), [1, 0, 2]);
  return reshape(matmul(ranks, multiply(byExpert, shares)), [rows, perToken * key.outputs]);
}

/** Throws where heads are of other experts at other tokens, for what is asked of the weights or outputs of a head alone. */
export function requireOwnHeads({ projection }: Pick<AttentionSpec, 'projection'>): void {
  if (projection.kind === 'mixture')
    throw new ModelError(
      'The model chooses the queries and the output map of each token among experts, so what a head adds is not known by itself. Choose another model.',
    );
}

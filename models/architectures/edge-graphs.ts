/** The two ends of a model as graphs: token ids to residual stream, and residual stream to logits. */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import { add, cast, divide, hyperbolicTangent, multiply } from '../../kernels/graph/operators/elementwise';
import { gather } from '../../kernels/graph/operators/layout';
import { activate, linear, norm } from './layers';
import type { ModelSpec } from './model-spec';
import { storedWeight, weight, type StoredWeights } from './stored-weights';

/** Inputs `token_ids` [b, n] and, with learned positions, `query_positions` [n]; output `residual.out` [b, n, w]. */
export const embeddingGraph = (model: ModelSpec, weights: StoredWeights): Graph<Dim> =>
  buildEmbedding(model, weights).finishDynamic();

/** The graph of the embedding while it can still be added to. */
export function buildEmbedding(model: ModelSpec, weights: StoredWeights): GraphBuilder {
  const spec = model.embedding;
  if (!spec) throw new RangeError('a vision tower has no token embedding');
  const graph = new GraphBuilder('embedding');
  const ids = graph.input('token_ids', 'int64', ['b', 'n']);
  // Rows are picked before they are widened: a cast of the whole table would copy it.
  const table = storedWeight(graph, weights, spec.tokens, [spec.vocabulary, spec.width]);
  const rows = gather(table, ids);
  let x = rows.type === 'float32' ? rows : cast(rows, 'float32');
  // The products of transformers round the factor to the weights' type; in float32 that is this number.
  if (spec.scale !== undefined) x = multiply(x, spec.scale);
  if (spec.project) x = linear(graph, weights, spec.project, x);
  if (spec.positions) {
    const positions = graph.input('query_positions', 'int32', ['n']);
    const learned = storedWeight(graph, weights, spec.positions.weight, [spec.positions.rows, model.hiddenSize]);
    const shifted = spec.positions.offset === 0 ? positions : add(positions, spec.positions.offset);
    const picked = gather(learned, shifted);
    x = add(x, picked.type === 'float32' ? picked : cast(picked, 'float32'));
  }
  if (spec.types) {
    const types = weight(graph, weights, spec.types.weight, [spec.types.rows, model.hiddenSize]);
    x = add(x, gather(types, graph.constant('int64', [], [0])));
  }
  if (spec.norm) x = norm(graph, weights, spec.norm, x);
  graph.output(x, 'residual.out');
  return graph;
}

/** Input `residual` [b, n, w]; output `logits` [b, n, v], or undefined when the model has no language head. */
export const headGraph = (model: ModelSpec, weights: StoredWeights): Graph<Dim> | undefined =>
  buildHead(model, weights)?.finishDynamic();

/** The graph of the head while it can still be added to. */
export function buildHead(model: ModelSpec, weights: StoredWeights): GraphBuilder | undefined {
  const spec = model.head;
  if (!spec.vocabulary) return undefined;
  const graph = new GraphBuilder('head');
  let x = graph.input('residual', 'float32', ['b', 'n', model.hiddenSize]);
  if (spec.norm) x = norm(graph, weights, spec.norm, x);
  if (spec.project) x = linear(graph, weights, spec.project, x);
  if (spec.transform) {
    x = activate(spec.transform.activation, linear(graph, weights, spec.transform.linear, x));
    x = norm(graph, weights, spec.transform.norm, x);
  }
  let logits = linear(graph, weights, spec.vocabulary, x);
  if (spec.softcap !== undefined) logits = multiply(hyperbolicTangent(divide(logits, spec.softcap)), spec.softcap);
  graph.output(logits, 'logits');
  return graph;
}

/** The two ends of a model as graphs: token ids to residual stream, and residual stream to logits. */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { Value } from '../../kernels/graph/records';
import {
  add,
  cast,
  divide,
  hyperbolicTangent,
  minimum,
  multiply,
  subtract,
} from '../../kernels/graph/operators/elementwise';
import { gather, reshape } from '../../kernels/graph/operators/layout';
import { reduceMean } from '../../kernels/graph/operators/reduce';
import { activate, linear, norm } from './layers';
import type { Waves } from '../formats/families/shared/computation';
import type { EmbeddingSpec, ModelSpec } from './model-spec';
import { storedWeight, weight, type StoredWeights } from './stored-weights';

/** Inputs `token_ids` [b, n] and, with learned positions, `query_positions` [n]; output `residual.out` [b, n, w]. */
export const embeddingGraph = (model: ModelSpec, weights: StoredWeights): Graph<Dim> =>
  buildEmbedding(model, weights).finishDynamic();

/** The graph of the embedding while it can still be added to. */
export function buildEmbedding(model: ModelSpec, weights: StoredWeights): GraphBuilder {
  const graph = new GraphBuilder('embedding');
  const ids = graph.input('token_ids', 'int64', ['b', 'n']);
  graph.output(
    embedded(graph, model, weights, ids, () => graph.input('query_positions', 'int32', ['n'])),
    'residual.out',
  );
  return graph;
}

/** Token ids [b, n] to the residual stream that enters the first block, [b, n, w]; `positions` [n], where it has learned ones. */
export function embedded(
  graph: GraphBuilder,
  model: ModelSpec,
  weights: StoredWeights,
  ids: Value,
  positions: () => Value,
): Value {
  const spec = model.embedding;
  if (!spec) throw new RangeError('a vision tower has no token embedding');
  // Rows are picked before they are widened: a cast of the whole table would copy it.
  const table = storedWeight(graph, weights, spec.tokens, [spec.vocabulary, spec.width]);
  const rows = gather(table, ids);
  let x = rows.type === 'float32' ? rows : cast(rows, 'float32');
  // The products of transformers round the factor to the weights' type; in float32 that is this number.
  if (spec.scale !== undefined) x = multiply(x, spec.scale);
  if (spec.masked) x = multiply(x, unmasked(spec.masked, ids));
  if (spec.project) x = linear(graph, weights, spec.project, x);
  const width = spec.widen ? spec.width : model.hiddenSize;
  if (spec.positions) {
    const own = positions();
    const { rows } = spec.positions;
    if (spec.positions.weight === undefined) {
      x = add(x, gather(graph.constant('float32', [rows, width], waveRows(spec.positions.waves, rows, width)), own));
    } else {
      const learned = storedWeight(graph, weights, spec.positions.weight, [rows, width]);
      const { offset } = spec.positions;
      const picked = gather(learned, offset === 0 ? own : add(own, offset));
      x = add(x, picked.type === 'float32' ? picked : cast(picked, 'float32'));
    }
  }
  for (const { weight: name, rows } of spec.types ?? [])
    x = add(x, gather(weight(graph, weights, name, [rows, width]), graph.constant('int64', [], [0])));
  const narrow = spec.norm?.size === width;
  if (spec.norm && narrow) x = norm(graph, weights, spec.norm, x);
  if (spec.widen) x = linear(graph, weights, spec.widen, x);
  return spec.norm && !narrow ? norm(graph, weights, spec.norm, x) : x;
}

/** Factor of each token, [b, n, 1], of ids [b, n] that are a whole text. */
function unmasked({ token, share }: NonNullable<EmbeddingSpec['masked']>, ids: Value): Value {
  const apart = subtract(cast(ids, 'float32'), token);
  const other = minimum(multiply(apart, apart), 1);
  const column = reshape(other, [...ids.shape, 1]);
  return divide(multiply(column, 1 - share), reduceMean(column, [1]));
}

/** Rows of the positions 0, 1, …, [rows, width]. */
function waveRows({ span, offset }: Waves, rows: number, width: number): Float32Array {
  const half = width / 2;
  const table = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < half; i++) {
      const angle = (row + offset) * 10_000 ** (-i / span);
      table[row * width + i] = Math.sin(angle);
      table[row * width + half + i] = Math.cos(angle);
    }
  }
  return table;
}

/** Input `residual` [b, n, w]; output `logits` [b, n, v], or undefined when the model has no language head. */
export const headGraph = (model: ModelSpec, weights: StoredWeights): Graph<Dim> | undefined =>
  buildHead(model, weights)?.finishDynamic();

/** The graph of the head while it can still be added to. */
export function buildHead(model: ModelSpec, weights: StoredWeights): GraphBuilder | undefined {
  if (!model.head.vocabulary) return undefined;
  const graph = new GraphBuilder('head');
  const residual = graph.input('residual', 'float32', ['b', 'n', model.hiddenSize]);
  graph.output(logitsOf(graph, model, weights, residual), 'logits');
  return graph;
}

/** The stream that leaves the last block [b, n, w] to logits [b, n, v]. */
export function logitsOf(graph: GraphBuilder, model: ModelSpec, weights: StoredWeights, residual: Value): Value {
  const spec = model.head;
  if (!spec.vocabulary) throw new RangeError('the model has no language head');
  let x = residual;
  if (spec.norm) x = norm(graph, weights, spec.norm, x);
  if (spec.project) x = linear(graph, weights, spec.project, x);
  if (spec.transform) {
    x = activate(spec.transform.activation, linear(graph, weights, spec.transform.linear, x));
    x = norm(graph, weights, spec.transform.norm, x);
  }
  const logits = linear(graph, weights, spec.vocabulary, x);
  return spec.softcap === undefined ? logits : multiply(hyperbolicTangent(divide(logits, spec.softcap)), spec.softcap);
}

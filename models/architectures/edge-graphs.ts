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
  squareRoot,
  subtract,
} from '../../kernels/graph/operators/elementwise';
import { concat, gather, reshape, slice } from '../../kernels/graph/operators/layout';
import { reduceMean, reduceSum } from '../../kernels/graph/operators/reduce';
import { besideText } from './beside-text';
import { firstRow, lastStream, rowWidth } from './carried-rows';
import { movedRows } from './convolved-stream';
import { activate, linear, norm } from './layers';
import type { Waves } from '../formats/families/shared/computation';
import type { EmbeddingSpec, ModelSpec } from './model-spec';
import { tableRows } from './packed-matrices';
import { weight, type StoredWeights } from './stored-weights';

/** Inputs `token_ids` [b, n] and, with learned positions, `query_positions` [n]; output `residual.out` [b, n, w]. */
export const embeddingGraph = (model: ModelSpec, weights: StoredWeights): Graph<Dim> =>
  buildEmbedding(model, weights).finishDynamic();

/** The graph of the embedding while it can still be added to. */
export function buildEmbedding(model: ModelSpec, weights: StoredWeights): GraphBuilder {
  const graph = new GraphBuilder('embedding');
  const ids = graph.input('token_ids', 'int64', ['b', 'n']);
  let positions: Value | undefined;
  const given = (): Value => (positions ??= graph.input('query_positions', 'int32', ['n']));
  const words = embedded(graph, model, weights, ids, given);
  graph.output(firstRow(graph, model, weights, ids, words), 'residual.out');
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
  let x = tableRows(graph, weights, spec.tokens, [spec.vocabulary, spec.width], ids);
  // The products of transformers round the factor to the weights' type; in float32 that is this number.
  if (spec.scale !== undefined) x = multiply(x, spec.scale);
  if (spec.masked) x = multiply(x, unmasked(spec.masked, ids));
  if (spec.neighbours) x = concat([1, 0, -1].map(movedRows(graph, x)), -1);
  if (spec.project) x = linear(graph, weights, spec.project, x);
  if (spec.beside) x = besideText(graph, weights, spec.beside, x);
  const width = spec.widen || spec.predicts ? spec.width : model.hiddenSize;
  if (spec.norm && spec.wordNorm) x = norm(graph, weights, spec.norm, x);
  if (spec.positions) {
    const own = positions();
    const { rows } = spec.positions;
    if (spec.positions.weight === undefined) {
      x = add(x, gather(graph.constant('float32', [rows, width], waveRows(spec.positions.waves, rows, width)), own));
    } else {
      const { weight: name, offset } = spec.positions;
      x = add(x, tableRows(graph, weights, name, [rows, width], offset === 0 ? own : add(own, offset)));
    }
  }
  for (const { weight: name, rows } of spec.types ?? [])
    x = add(x, gather(weight(graph, weights, name, [rows, width]), graph.constant('int64', [], [0])));
  if (spec.wordNorm) return x;
  if (spec.predicts) return withPredicting(graph, weights, spec, x, positions());
  const narrow = spec.norm?.size === width;
  if (spec.norm && narrow) x = norm(graph, weights, spec.norm, x);
  if (spec.widen) x = linear(graph, weights, spec.widen, x);
  return spec.norm && !narrow ? norm(graph, weights, spec.norm, x) : x;
}

/** The stream that predicts in front of that of the text x [b, n, w], before their norm: [b, n, 2 w]. */
function withPredicting(
  graph: GraphBuilder,
  weights: StoredWeights,
  { predicts, positions, norm: normed, width }: EmbeddingSpec,
  x: Value,
  own: Value,
): Value {
  if (!predicts || positions?.weight === undefined || !normed)
    throw new RangeError('a stream that predicts begins with a learned position, and a norm');
  const behind = tableRows(graph, weights, positions.weight, [positions.rows, width], add(own, positions.offset + 1));
  const table = weight(graph, weights, predicts.table, [predicts.rows, width]);
  // It is the same in all texts.
  const predicting = add(multiply(x, 0), add(behind, gather(table, graph.constant('int64', [], [predicts.row]))));
  return concat(
    [predicting, x].map((stream) => norm(graph, weights, normed, stream)),
    -1,
  );
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
  const residual = graph.input('residual', 'float32', ['b', 'n', rowWidth(model)]);
  graph.output(logitsOf(graph, model, weights, residual), 'logits');
  return graph;
}

/** The length of each row (axis 1), or of each column (axis 0). */
const lengths = (table: Value, axis: 0 | 1): Value => squareRoot(reduceSum(multiply(table, table), [axis], false));

/** The stream that leaves the last block [b, n, w] to logits [b, n, v]. */
export function logitsOf(graph: GraphBuilder, model: ModelSpec, weights: StoredWeights, residual: Value): Value {
  const spec = model.head;
  if (!spec.vocabulary) throw new RangeError('the model has no language head');
  let x = lastStream(graph, model, weights, residual);
  if (spec.first !== undefined) x = slice(x, -1, 0, spec.first);
  if (spec.norm) x = norm(graph, weights, spec.norm, x);
  if (spec.project) x = linear(graph, weights, spec.project, x);
  if (spec.transform) {
    x = activate(spec.transform.activation, linear(graph, weights, spec.transform.linear, x));
    x = norm(graph, weights, spec.transform.norm, x);
  }
  const { weight: name, inputs, outputs } = spec.vocabulary;
  const table = (): Value => weight(graph, weights, name, [outputs, inputs]);
  // A column is of one channel of the stream.
  if (spec.unit === 'columns') x = divide(x, add(lengths(table(), 0), 1e-7));
  const products = spec.rest
    ? add(
        linear(graph, weights, spec.vocabulary, slice(x, -1, 0, inputs)),
        linear(graph, weights, spec.rest, slice(x, -1, inputs)),
      )
    : linear(graph, weights, spec.vocabulary, x);
  const logits = spec.unit === 'rows' ? divide(products, lengths(table(), 1)) : products;
  return spec.softcap === undefined ? logits : multiply(hyperbolicTangent(divide(logits, spec.softcap)), spec.softcap);
}

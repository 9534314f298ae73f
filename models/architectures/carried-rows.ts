/**
 * Rows of a stream that carry more than the stream itself, so that every graph hands it on with the stream. After the hidden numbers come,
 * in this order: further streams, which AltUp changes with the first (arXiv:2301.13310; Gemma 3n); the vector of the token for each layer
 * (Gemma 3n, Gemma 4); keys and values of layers that later layers read too, normed but not rotated, and zeros before the layer that makes
 * them; the words, which shared blocks read (Zamba); the stream of a layer that a later one reads, and zeros before (Funnel). Taps and changes of the stream act only on the hidden numbers, the first stream.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import {
  add,
  divide,
  hyperbolicTangent,
  less,
  maximum,
  multiply,
  squareRoot,
  subtract,
  where,
} from '../../kernels/graph/operators/elementwise';
import { concat, pad, reshape, slice } from '../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import { reduceMean } from '../../kernels/graph/operators/reduce';
import { activate, held, linear, norm } from './layers';
import type { AttentionSpec } from './attention-spec';
import type { AltUpSpec, CarriedSpec, HandedHeads, LayerVectors, VectorSpec } from './carried-spec';
import type { BlockSpec, ModelSpec } from './model-spec';
import { tableRows } from './packed-matrices';
import { weight, type StoredWeights } from './stored-weights';
import { spreadRows } from './token-groups';

const handedWidth = ({ kvHeads, headDim }: HandedHeads): number => 2 * kvHeads * headDim;

const vectorsWidth = (vectors: LayerVectors | undefined): number => (vectors ? vectors.size * vectors.layers : 0);

const streamsOf = ({ makes }: CarriedSpec): number => 1 + makes.length;

/** Width of a row of the stream of a model, with everything that it carries. */
export function rowWidth({ hiddenSize, carried }: Pick<ModelSpec, 'hiddenSize' | 'carried'>): number {
  if (!carried) return hiddenSize;
  const { vectors, handed, words, kept } = carried;
  const heads = handed.reduce((sum, one) => sum + handedWidth(one), 0);
  const whole = streamsOf(carried) + (words ? 1 : 0) + (kept === undefined ? 0 : 1);
  return hiddenSize * whole + vectorsWidth(vectors) + heads;
}

/** Names of the tensors that make the first row from the words. */
export function carriedTensors({ carried }: Pick<ModelSpec, 'carried'>): readonly string[] {
  if (!carried) return [];
  const { makes, vectors } = carried;
  const own = vectors ? [vectors.table, vectors.map.weight, vectors.norm.weight] : [];
  return [...makes.map((map) => map.weight), ...own].flatMap((name) => name ?? []);
}

/** The row that enters the first block, from the words [b, n, w] of ids [b, n]. */
export function firstRow(graph: GraphBuilder, model: ModelSpec, weights: StoredWeights, ids: Value, x: Value): Value {
  const { carried, hiddenSize } = model;
  if (!carried) return x;
  const { makes, vectors, handed, words } = carried;
  const further = makes.map((map) => asLong(linear(graph, weights, map, x), x));
  const parts = [x, ...further, ...(vectors ? [layerVectors(graph, weights, vectors, ids, x)] : [])];
  const row = parts.length === 1 ? x : concat(parts, -1);
  const later = handed.reduce((sum, one) => sum + handedWidth(one), 0) + (carried.kept === undefined ? 0 : hiddenSize);
  const padded = later === 0 ? row : pad(row, -1, 0, later);
  return words ? concat([padded, x], -1) : padded;
}

/** [b, n, size layers]: from the table, and from the words themselves. */
function layerVectors(
  graph: GraphBuilder,
  weights: StoredWeights,
  { table, rows, vocabulary, size, layers, map, norm: by }: LayerVectors,
  ids: Value,
  x: Value,
): Value {
  // Token ids beyond the table are those of pictures and sounds, which have the vector of token 0.
  const known = rows < vocabulary ? where(less(ids, rows), ids, 0) : ids;
  const own = multiply(tableRows(graph, weights, table, [rows, size * layers], known), Math.sqrt(size));
  const rest = x.shape.slice(0, -1);
  const mapped = reshape(linear(graph, weights, map, x), [...rest, layers, size]);
  const normed = reshape(norm(graph, weights, by, mapped), [...rest, size * layers]);
  return multiply(add(normed, own), Math.SQRT1_2);
}

const meanSquare = (x: Value): Value => reduceMean(multiply(x, x), [-1]);

/** Scales x to the root mean square of another value. */
function asLong(x: Value, other: Value): Value {
  return multiply(x, squareRoot(divide(meanSquare(other), maximum(meanSquare(x), 1e-5))));
}

/** What the head reads of the row that leaves the last block: the first stream, or the mean of all, each scaled to the length of the first. */
export function lastStream(graph: GraphBuilder, model: ModelSpec, weights: StoredWeights, row: Value): Value {
  const { carried } = model;
  if (!carried) return row;
  const [first = row, ...further] = streams(model, carried, row);
  if (further.length === 0) return first;
  const all = carried.unmakes.map((map, at) => asLong(linear(graph, weights, map, further[at] ?? first), first));
  return multiply(
    all.reduce((sum, x) => add(sum, x), first),
    1 / streamsOf(carried),
  );
}

const streams = ({ hiddenSize }: ModelSpec, carried: CarriedSpec, row: Value): readonly Value[] =>
  Array.from({ length: streamsOf(carried) }, (_, at) => slice(row, -1, at * hiddenSize, (at + 1) * hiddenSize));

export interface HeadRows {
  readonly key: Value;
  readonly value: Value;
}

/** Keys and values [..., g, d] that a row carries from the layer whose keys attention reads; undefined if attention has its own. */
export function handedTo(model: ModelSpec, { projection }: AttentionSpec, row: Value): HeadRows | undefined {
  if (projection.kind !== 'handed') return undefined;
  const { layer } = projection;
  const { carried, hiddenSize } = model;
  let at = carried ? hiddenSize * streamsOf(carried) + vectorsWidth(carried.vectors) : 0;
  for (const one of carried?.handed ?? []) {
    const width = handedWidth(one) / 2;
    if (one.layer === layer) {
      const part = (from: number): Value =>
        reshape(slice(row, -1, from, from + width), [...row.shape.slice(0, -1), one.kvHeads, one.headDim]);
      return { key: part(at), value: part(at + width) };
    }
    at += 2 * width;
  }
  throw new RangeError(`layer ${layer} hands no keys on`);
}

/** The words that a row carries; undefined if it carries none. */
export function wordsIn(model: ModelSpec, row: Value): Value | undefined {
  const width = rowWidth(model);
  return model.carried?.words ? slice(row, -1, width - model.hiddenSize, width) : undefined;
}

/** The stream of an earlier layer that a row carries. A model with it has no words in its rows. */
function keptIn(model: ModelSpec, row: Value): Value | undefined {
  const width = rowWidth(model);
  return model.carried?.kept === undefined ? undefined : slice(row, -1, width - model.hiddenSize, width);
}

interface RowBranches {
  /** The block as a function of its stream. */
  readonly inner: (stream: Value) => Value;
  /** Takes and gives the stream that leaves. */
  readonly leaving: (stream: Value) => Value;
  /** Keys and values that `inner` made. */
  readonly made: () => HeadRows | undefined;
}

/** The row that leaves a block, from the row that enters it. */
export function blockRow(
  graph: GraphBuilder,
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  row: Value,
  { inner, leaving, made }: RowBranches,
): Value {
  const { carried } = model;
  if (!carried) return leaving(inner(row));
  const { altUp, vector, index } = block;
  const entering = streams(model, carried, row);
  const predicted = altUp ? predictions(graph, weights, altUp, entering) : entering;
  const kept = keptIn(model, row);
  const spread = block.attention?.groups?.spread;
  const enters = predicted[0] ?? row;
  const given = inner(kept && spread !== undefined ? add(spreadRows(graph, spread, enters), kept) : enters);
  const corrected = altUp ? corrections(graph, weights, altUp, predicted, given) : [given];
  const [first = given, ...further] = vector
    ? withVector(graph, model, weights, vector, index, row, corrected)
    : corrected;
  const { vectors, handed } = carried;
  const behind = model.hiddenSize * streamsOf(carried) + vectorsWidth(vectors);
  const vectorsOf = vectors ? [slice(row, -1, behind - vectorsWidth(vectors), behind)] : [];
  let at = behind;
  const heads = handed.map((one) => {
    const width = handedWidth(one);
    at += width;
    const own = one.layer === index ? made() : undefined;
    if (!own) return slice(row, -1, at - width, at);
    const flat = (x: Value): Value => reshape(x, [...row.shape.slice(0, -1), width / 2]);
    return concat([flat(own.key), flat(own.value)], -1);
  });
  const words = wordsIn(model, row);
  const left = leaving(first);
  const last = words ?? (carried.kept === index ? left : kept);
  return concat([left, ...further, ...vectorsOf, ...heads, ...(last ? [last] : [])], -1, 'residual.out');
}

/** tanh(W norm(x) / w) [..., streams], by which AltUp mixes the streams. */
function mixing(graph: GraphBuilder, weights: StoredWeights, { norm: by, router }: AltUpSpec, x: Value): Value {
  return hyperbolicTangent(linear(graph, weights, router, norm(graph, weights, by, x)));
}

const column = (x: Value, at: number): Value => slice(x, -1, at, at + 1);

/** Each stream, and the sum of all by factors of the first: x_j + sum over i of P(x_0)[j, i] x_i. */
function predictions(
  graph: GraphBuilder,
  weights: StoredWeights,
  spec: AltUpSpec,
  entering: readonly Value[],
): readonly Value[] {
  const [first] = entering;
  if (!first) return entering;
  const factors = linear(graph, weights, spec.predicts, mixing(graph, weights, spec, first));
  return entering.map((own, j) =>
    entering.reduce((sum, x, i) => add(sum, multiply(x, column(factors, j * entering.length + i))), own),
  );
}

/** Each predicted stream plus the change that the block made to the first, times a factor: p_j + (1 + C(y)[j]) (y - p_0). */
function corrections(
  graph: GraphBuilder,
  weights: StoredWeights,
  spec: AltUpSpec,
  predicted: readonly Value[],
  given: Value,
): readonly Value[] {
  const { weight: name, bound } = spec.corrects;
  const stored = weight(graph, weights, name, [predicted.length, predicted.length]);
  const table = bound === undefined ? stored : held(stored, bound);
  const factors = add(fusedMatmul(mixing(graph, weights, spec, given), table, { transposeB: true }), 1);
  const changed = subtract(given, predicted[0] ?? given);
  return predicted.map((own, j) => add(own, multiply(changed, column(factors, j))));
}

/** Adds the vector of the token, gated by the first stream, to that stream, or to the further ones if there are several. */
function withVector(
  graph: GraphBuilder,
  model: ModelSpec,
  weights: StoredWeights,
  spec: VectorSpec,
  layer: number,
  row: Value,
  left: readonly Value[],
): readonly Value[] {
  const { carried, hiddenSize } = model;
  const [first] = left;
  if (!carried?.vectors || !first) throw new RangeError(`layer ${layer} reads a vector that its model does not have`);
  const { size } = carried.vectors;
  const at = hiddenSize * streamsOf(carried) + layer * size;
  const read = spec.gain === undefined ? first : multiply(first, weight(graph, weights, spec.gain, [hiddenSize]));
  const gated = multiply(
    activate(spec.activation, linear(graph, weights, spec.gate, read)),
    slice(row, -1, at, at + size),
  );
  const added = norm(graph, weights, spec.norm, linear(graph, weights, spec.map, gated));
  if (left.length > 1) return left.map((x, stream) => (stream === 0 ? x : add(x, added)));
  const sum = add(first, added);
  return [spec.scalar === undefined ? sum : multiply(sum, weight(graph, weights, spec.scalar, [1]))];
}

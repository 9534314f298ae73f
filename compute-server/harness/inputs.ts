/**
 * Seeded inputs of a cell: the same numbers for the float64 reference and, laid out, for the graph. They are those of
 * kernels/inputs.ts; query, key and value are drawn once for all mechanisms of a length.
 */
import type { AttentionShape, Precision } from '../../kernels/shape';
import { weightsFor } from '../../kernels/inputs';
import { joinPositions, positionsOf, toSequenceFirst } from '../../kernels/tensors/layout';
import { roundTo, toRuntime } from '../../kernels/tensors/precision';
import { normalTensor, seedFor } from '../../kernels/tensors/random';
import type { AttentionInputs, Tensor } from '../../kernels/tensors/tensor';
import type { RuntimeValues } from '../runtime/session';
import { layoutOf, type Cell } from './cell';

/** Query, key and value of one shape, shared by every mechanism at that length. */
export type SharedInputs = Pick<AttentionInputs, 'query' | 'key' | 'value'>;

/** Independent normal numbers of deviation 1, as in a model with normalised projections. */
export function sharedInputs(shape: AttentionShape, seed: number, precision: Precision): SharedInputs {
  const draw = (label: string, heads: number, length: number, width: number) =>
    rounded(normalTensor([shape.batch, heads, length, width], seedFor(seed, label)), precision);
  return {
    query: draw('query', shape.heads, shape.queries, shape.headDim),
    key: draw('key', shape.kvHeads, shape.keys, shape.headDim),
    value: draw('value', shape.kvHeads, shape.keys, shape.valueDim),
  };
}

export function inputsOf(cell: Cell, shared: SharedInputs, seed: number, precision: Precision): AttentionInputs {
  // A step of average work may come before the end of the keys that all share.
  const own = (x: Tensor): Tensor => (x.shape[2] === cell.shape.keys ? x : positionsOf(x, 0, cell.shape.keys));
  const inputs = { query: shared.query, key: own(shared.key), value: own(shared.value) };
  const weights = weightsFor(cell.mechanism, cell.shape, cell.parameters, seed, inputs);
  return {
    ...inputs,
    weights: Object.fromEntries(Object.entries(weights).map(([name, x]) => [name, rounded(x, precision)])),
  };
}

/** In the layout that the cell's graph takes; decoding with a state of its own: the new position and the state before it. */
export function feedsOf(cell: Cell, inputs: AttentionInputs, seed: number, precision: Precision): RuntimeValues {
  const laid = (x: Tensor) => (layoutOf(cell) === 'sequence-first' ? toSequenceFirst(x) : x);
  const all =
    cell.decoding && cell.mechanism.decode
      ? decodingFeeds(cell, inputs, seed, precision)
      : { query: laid(inputs.query), key: laid(inputs.key), value: laid(inputs.value), ...inputs.weights };
  return Object.fromEntries(
    Object.entries(all).map(([name, x]) => [name, { data: toRuntime(x, precision), shape: x.shape }]),
  );
}

/** Decoding: the inputs of the pass that the step continues, its own position last; queries of the past are drawn. */
export function wholeInputs(cell: Cell, inputs: AttentionInputs, seed: number, precision: Precision): AttentionInputs {
  const { batch, heads, keys, headDim } = cell.shape;
  const past = normalTensor([batch, heads, keys - 1, headDim], seedFor(seed, 'past query'));
  return { ...inputs, query: joinPositions(rounded(past, precision), inputs.query) };
}

function decodingFeeds(
  cell: Cell,
  inputs: AttentionInputs,
  seed: number,
  precision: Precision,
): Readonly<Record<string, Tensor>> {
  const { mechanism, shape, parameters } = cell;
  const length = shape.keys - 1;
  const whole = wholeInputs(cell, inputs, seed, precision);
  const past = (x: Tensor): Tensor => positionsOf(x, 0, length);
  const state = mechanism.decode!.stateAfter(
    { query: past(whole.query), key: past(whole.key), value: past(whole.value), weights: whole.weights },
    { ...shape, queries: length, keys: length },
    parameters,
  );
  return {
    query: inputs.query,
    key: positionsOf(inputs.key, length, length + 1),
    value: positionsOf(inputs.value, length, length + 1),
    ...state,
    ...inputs.weights,
  };
}

/** normalTensor draws float32 numbers already. */
const rounded = (x: Tensor, precision: Precision): Tensor => (precision === 'float16' ? roundTo(x, precision) : x);

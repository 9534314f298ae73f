/** Sums, maxima, softmax, sorting along axes. */
import type { Dim, Shape } from '../dims';
import { int, type Value } from '../records';
import { axisOf, describe, fail } from './checks';

type Reduction = 'ReduceSum' | 'ReduceMax' | 'ReduceMin' | 'ReduceMean' | 'ReduceL2';

function reduced(x: Value, axes: readonly number[], keep: boolean): Shape {
  return keep ? x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) : x.shape.filter((_, i) => !axes.includes(i));
}

function reduce(operator: Reduction, x: Value, axes: readonly number[], keep: boolean, name?: string): Value {
  const at = axes.map((axis) => axisOf(operator, name, x, axis));
  const list = x.graph.constant('int64', [at.length], at);
  const shape = reduced(x, at, keep);
  return x.graph.node(operator, [x, list], [{ type: x.type, shape, name }], { keepdims: int(keep ? 1 : 0) })[0];
}

export const reduceSum = (x: Value, axes: readonly number[], keep = true, name?: string): Value =>
  reduce('ReduceSum', x, axes, keep, name);
export const reduceMax = (x: Value, axes: readonly number[], keep = true, name?: string): Value =>
  reduce('ReduceMax', x, axes, keep, name);
export const reduceMin = (x: Value, axes: readonly number[], keep = true, name?: string): Value =>
  reduce('ReduceMin', x, axes, keep, name);
export const reduceMean = (x: Value, axes: readonly number[], keep = true, name?: string): Value =>
  reduce('ReduceMean', x, axes, keep, name);
export const reduceNorm = (x: Value, axes: readonly number[], keep = true, name?: string): Value =>
  reduce('ReduceL2', x, axes, keep, name);

export function softmax(x: Value, axis = -1, name?: string): Value {
  const at = axisOf('Softmax', name, x, axis);
  return x.graph.node('Softmax', [x], [{ type: x.type, shape: x.shape, name }], { axis: int(at) })[0];
}

/** Running sum along an axis; `exclusive` leaves out the element itself. */
export function cumulativeSum(
  x: Value,
  axis: number,
  options: { readonly exclusive?: boolean; readonly reverse?: boolean } = {},
  name?: string,
): Value {
  const at = axisOf('CumSum', name, x, axis);
  return x.graph.node('CumSum', [x, x.graph.constant('int64', [], [at])], [{ type: x.type, shape: x.shape, name }], {
    exclusive: int(options.exclusive ? 1 : 0),
    reverse: int(options.reverse ? 1 : 0),
  })[0];
}

/** The k largest along an axis, sorted, with their positions; of equal ones the lower position comes first. `k`: also a value [1]. */
export function topK(
  x: Value,
  k: number | { readonly count: Value; readonly dim: Dim },
  axis = -1,
  largest = true,
  name?: string,
): readonly [values: Value, indices: Value] {
  const at = axisOf('TopK', name, x, axis);
  const dim: Dim = x.shape[at] ?? 1;
  if (typeof dim === 'number' && typeof k === 'number' && k > dim)
    fail('TopK', name, `${k} of ${dim} along axis ${at} of ${describe(x)} is too many.`);
  const [count, left] = typeof k === 'number' ? [x.graph.constant('int64', [1], [k]), k] : [k.count, k.dim];
  const shape = x.shape.map((old, i) => (i === at ? left : old));
  return x.graph.node(
    'TopK',
    [x, count],
    [
      { type: x.type, shape, name },
      { type: 'int64', shape },
    ],
    { axis: int(at), largest: int(largest ? 1 : 0), sorted: int(1) },
  );
}

export function argMax(x: Value, axis: number, keep = false, name?: string): Value {
  const at = axisOf('ArgMax', name, x, axis);
  return x.graph.node('ArgMax', [x], [{ type: 'int64', shape: reduced(x, [at], keep), name }], {
    axis: int(at),
    keepdims: int(keep ? 1 : 0),
  })[0];
}

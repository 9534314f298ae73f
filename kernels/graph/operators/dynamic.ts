/** Operators whose shapes a run decides: the caller names the dimensions that come out. */
import { type Dim } from '../dims';
import { int, type Value } from '../records';
import { describe, fail, axisOf } from './checks';

/** The shape of `x` as int64 [rank]; from `start` to `end` when given. */
export function shapeOf(x: Value, start = 0, end = x.shape.length, name?: string): Value {
  return x.graph.node('Shape', [x], [{ type: 'int64', shape: [end - start], name }], {
    start: int(start),
    end: int(end),
  })[0];
}

/** One dimension of `x` as an int64 scalar. */
export function dimOf(x: Value, axis: number, name?: string): Value {
  const at = axisOf('Shape', name, x, axis);
  const shape = shapeOf(x, at, at + 1);
  return x.graph.node('Squeeze', [shape, x.graph.constant('int64', [1], [0])], [{ type: 'int64', shape: [], name }])[0];
}

/** start, start + 1, ... before `limit`; `length` names how many that are. */
export function range(start: Value, limit: Value, length: Dim, name?: string): Value {
  for (const bound of [start, limit]) {
    if (bound.type !== 'int64' || bound.shape.length !== 0) {
      fail('Range', name, `bounds must be int64 scalars, not ${describe(bound)}.`);
    }
  }
  const step = limit.graph.constant('int64', [], [1]);
  return limit.graph.node('Range', [start, limit, step], [{ type: 'int64', shape: [length], name }])[0];
}

/** x[start:end) along one axis by int64 [1] values; `length` names the length that comes out. */
export function sliceBy(x: Value, axis: number, start: Value, end: Value, length: Dim, name?: string): Value {
  const at = axisOf('Slice', name, x, axis);
  for (const bound of [start, end]) requireShapeValue('Slice', bound, 1, name);
  const shape = x.shape.map((dim, i) => (i === at ? length : dim));
  const axes = x.graph.constant('int64', [1], [at]);
  return x.graph.node('Slice', [x, start, end, axes], [{ type: x.type, shape, name }])[0];
}

/** The positions of non-zero elements, int64 [rank, count]. */
export function nonZero(x: Value, count: Dim, name?: string): Value {
  return x.graph.node('NonZero', [x], [{ type: 'int64', shape: [x.shape.length, count], name }])[0];
}

function requireShapeValue(operator: string, value: Value, length: number, name?: string): void {
  if (value.type !== 'int64' || value.shape.length !== 1 || value.shape[0] !== length) {
    fail(operator, name, `needs an int64 vector of ${length}, not ${describe(value)}.`);
  }
}

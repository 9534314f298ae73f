/** Operators that move numbers without changing them. */
import {
  addDims,
  broadcast,
  divideDims,
  multiplyDims,
  printShape,
  sameShape,
  volume,
  type Dim,
  type Shape,
} from '../dims';
import { int, ints, type Value } from '../records';
import type { Operand } from './elementwise';
import { axisOf, describe, fail, sameType } from './checks';

const int64s = (like: Value, numbers: readonly number[]): Value =>
  like.graph.constant('int64', [numbers.length], numbers);

/** Row-major reinterpretation; one dimension may be -1 and is then worked out. */
export function reshape(x: Value, target: readonly Dim[], name?: string): Value {
  const free = target.indexOf(-1);
  const known = volume(target.filter((_, axis) => axis !== free));
  const whole = volume(x.shape);
  const inferred = free < 0 ? undefined : divideDims(whole, known);
  if (free >= 0 ? inferred === undefined : known !== whole) {
    fail('Reshape', name, `${describe(x)} holds ${whole} numbers, which do not fill ${printShape(target)}.`);
  }
  const shape = target.map((dim, axis) => (axis === free ? (inferred ?? 1) : dim));
  if (sameShape(shape, x.shape)) return x;
  let open = 0;
  const wanted = shape.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (dim === x.shape[axis]) return 0;
    open++;
    return -1;
  });
  if (open > 1) {
    fail(
      'Reshape',
      name,
      `${describe(x)} to ${printShape(shape)} leaves ${open} named axes that move; reshape in two steps.`,
    );
  }
  return x.graph.node('Reshape', [x, int64s(x, wanted)], [{ type: x.type, shape, name }])[0];
}

export function transpose(x: Value, order: readonly number[], name?: string): Value {
  const wellFormed = order.length === x.shape.length && new Set(order).size === order.length;
  if (!wellFormed || order.some((axis) => x.shape[axis] === undefined)) {
    fail('Transpose', name, `[${order.join(', ')}] is not an order of the axes of ${describe(x)}.`);
  }
  const shape = order.map((axis) => x.shape[axis] ?? 1);
  return x.graph.node('Transpose', [x], [{ type: x.type, shape, name }], { perm: ints(order) })[0];
}

export function concat(values: readonly Value[], axis: number, name?: string): Value {
  const [first, ...rest] = values;
  if (!first) fail('Concat', name, 'nothing to join.');
  if (rest.length === 0) return first;
  sameType('Concat', name, ...values);
  const at = axisOf('Concat', name, first, axis);
  let joined = first.shape[at] ?? 1;
  for (const other of rest) {
    const fits =
      other.shape.length === first.shape.length && other.shape.every((dim, i) => i === at || dim === first.shape[i]);
    if (!fits) fail('Concat', name, `${describe(other)} does not join ${describe(first)} along axis ${at}.`);
    joined = addDims(joined, other.shape[at] ?? 1);
  }
  const shape = first.shape.map((dim, i) => (i === at ? joined : dim));
  return first.graph.node('Concat', values, [{ type: first.type, shape, name }], { axis: int(at) })[0];
}

/** Cuts `x` along an axis into parts of the given lengths. */
export function split(x: Value, axis: number, lengths: readonly number[], name?: string): readonly Value[] {
  const at = axisOf('Split', name, x, axis);
  const sum = lengths.reduce((a, b) => a + b, 0);
  if (sum !== x.shape[at]) {
    fail('Split', name, `lengths [${lengths.join(', ')}] add up to ${sum}, not to axis ${at} of ${describe(x)}.`);
  }
  if (lengths.length === 1) return [x];
  const outputs = lengths.map((length) => ({
    type: x.type,
    shape: x.shape.map((dim, i) => (i === at ? length : dim)),
  }));
  return x.graph.node('Split', [x, int64s(x, lengths)], outputs, { axis: int(at) });
}

/** x[start:end) along one axis; an end left out is the end of the axis. */
export function slice(x: Value, axis: number, start: number, end?: number, name?: string): Value {
  const at = axisOf('Slice', name, x, axis);
  const dim = x.shape[at] ?? 1;
  const limit = end ?? dim;
  const outside = typeof dim === 'number' && typeof limit === 'number' && (limit > dim || limit < start);
  if (start < 0 || outside || (end !== undefined && end < start)) {
    fail('Slice', name, `[${start}, ${limit}) is not inside axis ${at} of ${describe(x)}.`);
  }
  if (start === 0 && limit === dim) return x;
  const length = addDims(limit, -start);
  const shape = x.shape.map((old, i) => (i === at ? length : old));
  const stop = typeof limit === 'number' ? limit : Number.MAX_SAFE_INTEGER;
  const inputs = [x, int64s(x, [start]), int64s(x, [stop]), int64s(x, [at])];
  return x.graph.node('Slice', inputs, [{ type: x.type, shape, name }])[0];
}

/**
 * Adds `before` and `after` copies of `value` at the ends of one axis. The amounts are those of all axes: a Pad that names its axes
 * fails beside a Transpose ("indices element out of data bounds" of a Gather that the runtime adds, onnxruntime 1.30, 2026-11).
 */
export function pad(x: Value, axis: number, before: number, after: number, value = 0, name?: string): Value {
  if (before === 0 && after === 0) return x;
  const at = axisOf('Pad', name, x, axis);
  const shape = x.shape.map((dim, i) => (i === at ? addDims(dim, before + after) : dim));
  const amounts = [before, after].flatMap((amount) => shape.map((_, i) => (i === at ? amount : 0)));
  const inputs = [x, int64s(x, amounts), x.graph.constant(x.type, [], [value])];
  return x.graph.node('Pad', inputs, [{ type: x.type, shape, name }])[0];
}

/** Rows of `x` along `axis` by integer indices: the axis is replaced by the axes of `indices`. */
export function gather(x: Value, indices: Value, axis = 0, name?: string): Value {
  const at = axisOf('Gather', name, x, axis);
  requireIndices('Gather', indices, name);
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
  return x.graph.node('Gather', [x, indices], [{ type: x.type, shape, name }], { axis: int(at) })[0];
}

/** x[from:to) along one axis by Gather, which onnxruntime 1.30 spreads over its threads; Slice copies in one. */
export function gatherRange(x: Value, axis: number, from: number, to: number, name?: string): Value {
  const at = axisOf('Gather', name, x, axis);
  if (from === 0 && to === x.shape[at]) return x;
  const indices = Array.from({ length: to - from }, (_, i) => from + i);
  return gather(x, x.graph.constant('int64', [indices.length], indices), at, name);
}

/** x[..., indices[i, j, ...], ...] along `axis`, index by index; the result has the shape of `indices`. */
export function gatherElements(x: Value, indices: Value, axis: number, name?: string): Value {
  const at = axisOf('GatherElements', name, x, axis);
  requireIndices('GatherElements', indices, name);
  if (indices.shape.length !== x.shape.length) {
    fail('GatherElements', name, `${describe(indices)} must have as many axes as ${describe(x)}.`);
  }
  return x.graph.node('GatherElements', [x, indices], [{ type: x.type, shape: indices.shape, name }], {
    axis: int(at),
  })[0];
}

function requireIndices(operator: string, indices: Value, name?: string): void {
  if (indices.type !== 'int32' && indices.type !== 'int64')
    fail(operator, name, `indices must be integers, not ${describe(indices)}.`);
}

/** Repeats axes of length 1 so that `x` has the given shape. */
export function expand(x: Value, target: readonly number[], name?: string): Value {
  const shape = broadcast(x.shape, target);
  if (!shape || !sameShape(shape, target))
    fail('Expand', name, `${describe(x)} does not broadcast to ${printShape(target)}.`);
  if (sameShape(target, x.shape)) return x;
  return x.graph.node('Expand', [x, int64s(x, target)], [{ type: x.type, shape: target, name }])[0];
}

export function tile(x: Value, repeats: readonly number[], name?: string): Value {
  if (repeats.length !== x.shape.length)
    fail('Tile', name, `[${repeats.join(', ')}] does not count the axes of ${describe(x)}.`);
  const shape: Shape = x.shape.map((dim, axis) => multiplyDims(dim, repeats[axis] ?? 1));
  return x.graph.node('Tile', [x, int64s(x, repeats)], [{ type: x.type, shape, name }])[0];
}

/** A new axis of length 1. */
export function unsqueeze(x: Value, axis: number, name?: string): Value {
  const at = axis < 0 ? axis + x.shape.length + 1 : axis;
  if (at < 0 || at > x.shape.length) fail('Unsqueeze', name, `axis ${axis} cannot be put into ${describe(x)}.`);
  const shape = [...x.shape.slice(0, at), 1, ...x.shape.slice(at)];
  return x.graph.node('Unsqueeze', [x, int64s(x, [at])], [{ type: x.type, shape, name }])[0];
}

export function squeeze(x: Value, axis: number, name?: string): Value {
  const at = axisOf('Squeeze', name, x, axis);
  if (x.shape[at] !== 1) fail('Squeeze', name, `axis ${at} of ${describe(x)} is not 1.`);
  const shape = x.shape.filter((_, i) => i !== at);
  return x.graph.node('Squeeze', [x, int64s(x, [at])], [{ type: x.type, shape, name }])[0];
}

/** Keeps the lower (or upper) triangle of the last two axes; `diagonal` shifts it as in numpy's tril. */
export function triangle(x: Value, keep: 'lower' | 'upper', diagonal = 0, name?: string): Value {
  const shift = x.graph.constant('int64', [], [diagonal]);
  return x.graph.node('Trilu', [x, shift], [{ type: x.type, shape: x.shape, name }], {
    upper: int(keep === 'upper' ? 1 : 0),
  })[0];
}

/** `x` with rows `indices` along `axis` replaced by (or summed with) `updates`. */
export function scatterElements(
  x: Value,
  indices: Value,
  updates: Value,
  axis: number,
  reduction: 'none' | 'add' | 'max' | 'min' = 'none',
  name?: string,
): Value {
  const at = axisOf('ScatterElements', name, x, axis);
  requireIndices('ScatterElements', indices, name);
  sameType('ScatterElements', name, x, updates);
  if (!sameShape(indices.shape, updates.shape) || indices.shape.length !== x.shape.length) {
    fail(
      'ScatterElements',
      name,
      `${describe(indices)} and ${describe(updates)} must agree and have the axes of ${describe(x)}.`,
    );
  }
  return x.graph.node('ScatterElements', [x, indices, updates], [{ type: x.type, shape: x.shape, name }], {
    axis: int(at),
    reduction: { kind: 'text', value: reduction },
  })[0];
}

/** `x` [n, ...] with the rows named by `rows` (int64 [count, 1]) replaced by (or summed with) `updates` [count, ...]. */
export function scatterRows(
  x: Value,
  rows: Value,
  updates: Value,
  reduction: 'none' | 'add' = 'none',
  name?: string,
): Value {
  requireIndices('ScatterND', rows, name);
  sameType('ScatterND', name, x, updates);
  const fits = rows.shape.length === 2 && rows.shape[1] === 1 && updates.shape[0] === rows.shape[0];
  if (!fits || !sameShape(updates.shape.slice(1), x.shape.slice(1))) {
    fail('ScatterND', name, `${describe(rows)} and ${describe(updates)} do not name and fill rows of ${describe(x)}.`);
  }
  return x.graph.node('ScatterND', [x, rows, updates], [{ type: x.type, shape: x.shape, name }], {
    reduction: { kind: 'text', value: reduction },
  })[0];
}

/** The constant `value` in the given shape, made at run time (a large one costs no bytes in the file). */
export function filled(like: Value, shape: readonly number[], value: Operand): Value {
  const scalar = typeof value === 'number' ? like.graph.constant(like.type, [], [value]) : value;
  return expand(scalar, shape);
}

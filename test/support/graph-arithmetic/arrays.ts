/** Float64 arrays of any shape for the evaluator of graphs: plain loops, written from the definitions of ONNX. */
import { sizeOf, tensor, type Tensor } from '../../../kernels/tensors/tensor';

export function from(shape: readonly number[], at: (index: number) => number): Tensor {
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = at(i);
  return tensor(shape, data);
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

export function together(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return dims.find((dim) => dim !== 1) ?? 1;
  });
}

/** For each number of `shape`, row by row, where it lies under other strides. */
export function offsets(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  let found = Int32Array.of(start);
  shape.forEach((dim, axis) => {
    const next = new Int32Array(found.length * dim);
    const stride = strides[axis]!;
    for (let i = 0, to = 0; i < found.length; i++) {
      for (let step = 0; step < dim; step++) next[to++] = found[i]! + step * stride;
    }
    found = next;
  });
  return found;
}

/** Where each number of the broadcast shape lies in `x`. */
export function spread(x: Tensor, shape: readonly number[]): Int32Array {
  const own = stridesOf(x.shape);
  const lead = shape.length - x.shape.length;
  return offsets(
    shape,
    shape.map((_, axis) => (axis < lead || x.shape[axis - lead] === 1 ? 0 : own[axis - lead]!)),
  );
}

export function zip(xs: readonly Tensor[], f: (...values: number[]) => number): Tensor {
  const shape = together(xs.map((x) => x.shape));
  const places = xs.map((x) => spread(x, shape));
  const out = new Float64Array(sizeOf(shape));
  const [a, b] = xs;
  if (xs.length === 2 && a && b) {
    const [ofA, ofB] = places;
    for (let i = 0; i < out.length; i++) out[i] = f(a.data[ofA![i]!]!, b.data[ofB![i]!]!);
    return tensor(shape, out);
  }
  for (let i = 0; i < out.length; i++) out[i] = f(...xs.map((x, k) => x.data[places[k]![i]!]!));
  return tensor(shape, out);
}

export const map = (x: Tensor, f: (value: number) => number): Tensor => tensor(x.shape, x.data.map(f));

export function picked(x: Tensor, shape: readonly number[], places: ArrayLike<number>): Tensor {
  const data = new Float64Array(places.length);
  for (let i = 0; i < data.length; i++) data[i] = x.data[places[i]!]!;
  return tensor(shape, data);
}

export function transpose(x: Tensor, order: readonly number[]): Tensor {
  const own = stridesOf(x.shape);
  const shape = order.map((axis) => x.shape[axis]!);
  return picked(
    x,
    shape,
    offsets(
      shape,
      order.map((axis) => own[axis]!),
    ),
  );
}

export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Lines along an axis: where each starts, how far apart its numbers are, how many they are. */
export function lines(shape: readonly number[], given: number) {
  const axis = axisOf(given, shape.length);
  const strides = stridesOf(shape);
  const rest = shape.map((dim, i) => (i === axis ? 1 : dim));
  return { starts: offsets(rest, strides), step: strides[axis]!, length: shape[axis]!, axis, rest };
}

export function alongLines(x: Tensor, axis: number, change: (line: Float64Array) => ArrayLike<number>): Tensor {
  const { starts, step, length } = lines(x.shape, axis);
  const out = new Float64Array(x.data.length);
  for (const start of starts) {
    const line = new Float64Array(length);
    for (let i = 0; i < length; i++) line[i] = x.data[start + i * step]!;
    const changed = change(line);
    for (let i = 0; i < length; i++) out[start + i * step] = changed[i]!;
  }
  return tensor(x.shape, out);
}

export function softmax(line: Float64Array): Float64Array {
  const most = line.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = line.map((value) => Math.exp(value - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

export function reduce(x: Tensor, axes: readonly number[], keep: boolean, f: (line: Float64Array) => number): Tensor {
  const at = axes.map((axis) => axisOf(axis, x.shape.length));
  const own = stridesOf(x.shape);
  const outer = x.shape.map((dim, axis) => (at.includes(axis) ? 1 : dim));
  const inner = offsets(
    at.map((axis) => x.shape[axis]!),
    at.map((axis) => own[axis]!),
  );
  const starts = offsets(outer, own);
  const data = new Float64Array(starts.length);
  const line = new Float64Array(inner.length);
  for (let to = 0; to < starts.length; to++) {
    for (let i = 0; i < inner.length; i++) line[i] = x.data[starts[to]! + inner[i]!]!;
    data[to] = f(line);
  }
  return tensor(keep ? outer : outer.filter((_, axis) => !at.includes(axis)), data);
}

export function matmul(a: Tensor, b: Tensor, scale = 1): Tensor {
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const batch = together([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  const starts = (x: Tensor): Int32Array => {
    const dims = x.shape.slice(0, -2);
    return spread({ shape: dims, data: new Float64Array(sizeOf(dims)) }, batch);
  };
  const [fromA, fromB] = [starts(a), starts(b)];
  const out = new Float64Array(fromA.length * m * n);
  for (let i = 0; i < fromA.length; i++) {
    const [x, y, z] = [fromA[i]! * m * k, fromB[i]! * k * n, i * m * n];
    for (let row = 0; row < m; row++) {
      for (let inner = 0; inner < k; inner++) {
        const factor = scale * a.data[x + row * k + inner]!;
        if (factor === 0) continue;
        for (let column = 0; column < n; column++) {
          out[z + row * n + column] = out[z + row * n + column]! + factor * b.data[y + inner * n + column]!;
        }
      }
    }
  }
  return tensor([...batch, m, n], out);
}

export const lastTwoTurned = (x: Tensor): Tensor => {
  const order = x.shape.map((_, axis) => axis);
  const rank = order.length;
  return transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
};

/** Chebyshev fit of Numerical Recipes (third edition, section 6.2.2) would do for 1e-7; this series and fraction are exact to 1e-15. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size < 3) {
    let [term, sum] = [size, size];
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= (-size * size) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
}

/** The operators of the self-test in float64, straight from their definitions. */
import { tensor } from '../../kernels/tensors/tensor';
import type { Tensor } from '../../kernels/tensors/tensor';
import { dot } from '../../kernels/tensors/vectors';

/** [batch, rows, inner] x [batch, inner, columns]. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const [batch, rows, inner] = a.shape as [number, number, number];
  const columns = b.shape[2]!;
  const data = new Float64Array(batch * rows * columns);
  for (let i = 0; i < batch * rows; i++) {
    const base = Math.floor(i / rows) * inner * columns;
    for (let k = 0; k < inner; k++) {
      const factor = a.data[i * inner + k]!;
      for (let j = 0; j < columns; j++) data[i * columns + j]! += factor * b.data[base + k * columns + j]!;
    }
  }
  return tensor([batch, rows, columns], data);
}

/** Over the last axis. */
export function softmax(x: Tensor): Tensor {
  return rows(x, (row) => {
    const largest = Math.max(...row);
    const exponentials = row.map((value) => Math.exp(value - largest));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    return exponentials.map((value) => value / sum);
  });
}

/** Running sum over the last axis. */
export function cumulativeSum(x: Tensor): Tensor {
  return rows(x, (row) => {
    let sum = 0;
    return row.map((value) => (sum += value));
  });
}

export function layerNormalization(x: Tensor, gain: Tensor, offset: Tensor, epsilon: number): Tensor {
  return rows(x, (row) => {
    const mean = row.reduce((total, value) => total + value, 0) / row.length;
    const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / row.length;
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * gain.data[i]! + offset.data[i]!);
  });
}

/** x over the root of its mean square, over the last axis. */
export function rmsNormalization(x: Tensor, gain: Tensor, epsilon: number): Tensor {
  return rows(x, (row) => {
    const square = row.reduce((total, value) => total + value * value, 0) / row.length;
    return row.map((value, i) => (value / Math.sqrt(square + epsilon)) * gain.data[i]!);
  });
}

/** Each number by itself and its flat index. */
export const each = (x: Tensor, f: (value: number, at: number) => number): Tensor => ({
  shape: x.shape,
  data: x.data.map((value, at) => f(value, at)),
});

/** A tensor by flat index. */
export const filled = (shape: readonly number[], f: (at: number) => number): Tensor =>
  tensor(
    shape,
    Float64Array.from({ length: shape.reduce((product, axis) => product * axis, 1) }, (_, at) => f(at)),
  );

/** One number of each row of [rows, columns]: [rows, 1]. */
export function reduced(x: Tensor, f: (row: Float64Array) => number): Tensor {
  const [count, columns] = x.shape as [number, number];
  return filled([count, 1], (row) => f(x.data.slice(row * columns, (row + 1) * columns)));
}

/** The `k` largest of each row, descending. */
export function largest(x: Tensor, k: number): Tensor {
  const [count, columns] = x.shape as [number, number];
  return filled([count, k], (at) => {
    const row = Math.floor(at / k);
    return x.data
      .slice(row * columns, (row + 1) * columns)
      .sort()
      .at(-1 - (at % k))!;
  });
}

/** [batch, position, width] by tables [position, width / 2]: halves (a, b) to (a cos - b sin, b cos + a sin). */
export function rotaryHalves(x: Tensor, cosines: Tensor, sines: Tensor): Tensor {
  const [, positions, width] = x.shape as [number, number, number];
  const half = width / 2;
  return each(x, (value, at) => {
    const column = at % width;
    const entry = (Math.floor(at / width) % positions) * half + (column % half);
    const other = column < half ? -x.data[at + half]! : x.data[at - half]!;
    return value * cosines.data[entry]! + other * sines.data[entry]!;
  });
}

/** [batch, channel, position] with a kernel [channel, 1, size] for each channel, zeros beyond the ends. */
export function depthwiseConvolution(x: Tensor, kernel: Tensor): Tensor {
  const [, channels, positions] = x.shape as [number, number, number];
  const size = kernel.shape[2]!;
  return each(x, (_, at) => {
    const [channel, position] = [Math.floor(at / positions) % channels, at % positions];
    let sum = 0;
    for (let tap = 0; tap < size; tap++) {
      const from = position + tap - (size - 1) / 2;
      if (from >= 0 && from < positions) sum += kernel.data[channel * size + tap]! * x.data[at - position + from]!;
    }
    return sum;
  });
}

/** [..., a, b] to [..., b, a]. */
export function swapLastAxes(x: Tensor): Tensor {
  const [a, b] = x.shape.slice(-2) as [number, number];
  return filled([...x.shape.slice(0, -2), b, a], (at) => {
    const within = at % (a * b);
    return x.data[at - within + (within % a) * b + Math.floor(within / a)]!;
  });
}

/** [a, b, c] to [b, a, c]. */
export function swapFirstAxes(x: Tensor): Tensor {
  const [a, b, c] = x.shape as [number, number, number];
  const data = new Float64Array(x.data.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) data.set(x.data.subarray((i * b + j) * c, (i * b + j + 1) * c), (j * a + i) * c);
  }
  return tensor([b, a, c], data);
}

/** softmax(q k^T / sqrt(width)) v per head, sequence-first [1, position, heads * width]. */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { heads, kvHeads, causal }: { readonly heads: number; readonly kvHeads: number; readonly causal: boolean },
): Tensor {
  const [, positions, all] = query.shape as [number, number, number];
  const width = all / heads;
  const output = new Float64Array(query.data.length);
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor(head / (heads / kvHeads));
    for (let i = 0; i < positions; i++) {
      const q = query.data.subarray((i * heads + head) * width, (i * heads + head + 1) * width);
      const row = (j: number, of: Tensor) =>
        of.data.subarray((j * kvHeads + kvHead) * width, (j * kvHeads + kvHead + 1) * width);
      const scores = Float64Array.from(
        { length: causal ? i + 1 : positions },
        (_, j) => dot(q, row(j, key)) / width ** 0.5,
      );
      const probabilities = softmax(tensor([scores.length], scores)).data;
      const out = output.subarray((i * heads + head) * width, (i * heads + head + 1) * width);
      probabilities.forEach((probability, j) => row(j, value).forEach((v, at) => (out[at]! += probability * v)));
    }
  }
  return tensor(query.shape, output);
}

function rows(x: Tensor, map: (row: Float64Array) => Float64Array): Tensor {
  const width = x.shape.at(-1)!;
  const data = new Float64Array(x.data.length);
  for (let at = 0; at < data.length; at += width) data.set(map(x.data.slice(at, at + width)), at);
  return tensor(x.shape, data);
}

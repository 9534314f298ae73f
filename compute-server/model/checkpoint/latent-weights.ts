/** Linear maps of latent attention in its absorbed form, multiplied out: all of it is linear before the softmax and behind it. */
import type { HeadMap } from '../../../diagnostics/model-runner/weights';
import type { LatentProjection } from '../../../models/architectures/attention-spec';

/** outer(inner(x)). */
export function composed(outer: HeadMap, inner: HeadMap): HeadMap {
  const bias = inner.bias ? added(product(outer, inner.bias, 1), outer.bias) : outer.bias;
  return {
    data: product(outer, inner.data, inner.columns),
    rows: outer.rows,
    columns: inner.columns,
    ...(bias ? { bias } : {}),
  };
}

/** Head after head [q_r; B_k^T q_n] [h (d_r + r), w], of head after head [q_n; q_r]. */
export function latentQueries(
  { rank, rotary, plain, value }: LatentProjection,
  heads: number,
  query: HeadMap,
  up: HeadMap,
): HeadMap {
  const rows = heads * (rotary + rank);
  const absorb = (data: Float32Array, columns: number): Float32Array => {
    const out = new Float32Array(rows * columns);
    for (let head = 0; head < heads; head++) {
      const from = head * (plain + rotary);
      const to = head * (rotary + rank);
      out.set(data.subarray((from + plain) * columns, (from + plain + rotary) * columns), to * columns);
      for (let i = 0; i < plain; i++) {
        const source = (from + i) * columns;
        for (let r = 0; r < rank; r++) {
          const factor = up.data[(head * (plain + value) + i) * rank + r] ?? 0;
          const target = (to + rotary + r) * columns;
          for (let c = 0; c < columns; c++) out[target + c] = (out[target + c] ?? 0) + factor * (data[source + c] ?? 0);
        }
      }
    }
    return out;
  };
  return {
    data: absorb(query.data, query.columns),
    rows,
    columns: query.columns,
    ...(query.bias ? { bias: absorb(query.bias, 1) } : {}),
  };
}

/** [k_r; c] [d_r + r, w], of [c; k_r]. */
export function latentKey({ rank }: LatentProjection, { data, rows, columns, bias }: HeadMap): HeadMap {
  const turned = (numbers: Float32Array, width: number): Float32Array => {
    const out = new Float32Array(numbers.length);
    out.set(numbers.subarray(rank * width));
    out.set(numbers.subarray(0, rank * width), (rows - rank) * width);
    return out;
  };
  return { data: turned(data, columns), rows, columns, ...(bias ? { bias: turned(bias, 1) } : {}) };
}

/** W_O with B_v in front, [w, h (d_r + r)]: nothing reads the rotary part of a weighted key. */
export function latentOutput(
  { rank, rotary, plain, value }: LatentProjection,
  heads: number,
  output: HeadMap,
  up: HeadMap,
): HeadMap {
  const columns = heads * (rotary + rank);
  const data = new Float32Array(output.rows * columns);
  for (let row = 0; row < output.rows; row++) {
    for (let head = 0; head < heads; head++) {
      const target = row * columns + head * (rotary + rank) + rotary;
      for (let i = 0; i < value; i++) {
        const factor = output.data[row * output.columns + head * value + i] ?? 0;
        const source = (head * (plain + value) + plain + i) * rank;
        for (let r = 0; r < rank; r++) data[target + r] = (data[target + r] ?? 0) + factor * (up.data[source + r] ?? 0);
      }
    }
  }
  return { data, rows: output.rows, columns, ...(output.bias ? { bias: output.bias } : {}) };
}

/** map [rows, inner] x data [inner, columns]. */
function product({ data: map, rows, columns: inner }: HeadMap, data: Float32Array, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inner; i++) {
      const factor = map[row * inner + i] ?? 0;
      for (let c = 0; c < columns; c++) {
        out[row * columns + c] = (out[row * columns + c] ?? 0) + factor * (data[i * columns + c] ?? 0);
      }
    }
  }
  return out;
}

const added = (a: Float32Array, b: Float32Array | undefined): Float32Array =>
  b ? a.map((x, i) => x + (b[i] ?? 0)) : a;

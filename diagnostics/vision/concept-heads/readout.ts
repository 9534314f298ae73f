/**
 * The end of a vision encoder as a linear map, at the statistics of one picture: norms are frozen at the scale that they have for
 * its rows, and a pooling by attention at the weights that it gives them (Gandelsman et al. 2024, arXiv:2310.05916, section 3 and
 * appendix A.1, for CLIP; the same for SigLIP's pooling is a choice of Headscope).
 *
 * With x_i [w] the rows of the stream that leaves the last layer, the embedding [D] is
 *
 *   e = sum over channels c of M_c (sum over i of r_c(i) x_i) + constant + network(e without the network)
 *
 * CLIP has one channel: r is 1 / sigma at the class row and 0 elsewhere, and M the projection with the gain of the norm and its
 * centring multiplied in. SigLIP has one for each head p of its pooling: r_p(i) = a_p(i) / sigma_i with a_p the head's attention
 * over the rows, M_p = Wo_p Wv_p with gain and centring, and a network beside it that is no linear map of the rows: what it adds
 * is a part of its own. Everything is computed in float64.
 */
import type { AttentionReadout, Readout } from '../../model-runner/joint-space';
import type { HeadMap, NormWeights } from '../../model-runner/weights';
import { dot, mean, softmax } from '../../../kernels/tensors/vectors';

/** What one picture makes of the readout. */
export interface PictureReadout {
  /** [channels][n] */
  readonly rows: readonly Float64Array[];
  /** Biases of norm and projections, [D]. */
  readonly constant: Float64Array;
  /** What the network adds, [D]; absent where there is none. */
  readonly network?: Float64Array;
  /** By the model's own order of operations, [D]. */
  readonly embedding: Float64Array;
}

/** A matrix [outputs, inputs], row by row. */
interface Matrix {
  readonly data: Float64Array;
  readonly outputs: number;
  readonly inputs: number;
}

export class LinearReadout {
  /** D */
  readonly width: number;
  readonly channels: number;
  /** By channel: first the gain, the centring and what follows them, then what follows that. */
  private readonly maps: readonly (readonly Matrix[])[];

  constructor(private readonly readout: Readout) {
    const { norm, pooling } = readout;
    if (pooling.kind === 'row') {
      this.width = pooling.project.rows;
      this.maps = [[throughNorm(matrix(pooling.project), norm)]];
    } else {
      this.width = pooling.output.rows;
      const d = pooling.value.rows / pooling.heads;
      this.maps = Array.from({ length: pooling.heads }, (_, head) => [
        throughNorm(someRows(matrix(pooling.value), head * d, d), norm),
        someColumns(matrix(pooling.output), head * d, d),
      ]);
    }
    this.channels = this.maps.length;
  }

  /** Rows of the stream that are read; undefined: all. */
  get row(): number | undefined {
    const { pooling } = this.readout;
    return pooling.kind === 'row' ? pooling.row : undefined;
  }

  /** What a vector [w] of each channel adds to the embedding, [D]. */
  through(vectors: readonly Float64Array[]): Float64Array {
    const sum = new Float64Array(this.width);
    this.maps.forEach((maps, channel) => {
      const vector = vectors[channel];
      if (!vector) return;
      let x = vector;
      for (const map of maps) x = times(map, x);
      addTo(sum, x);
    });
    return sum;
  }

  /** By channel: the direction of the stream [w] that moves the embedding along `direction` [D]. */
  directions(direction: ArrayLike<number>): readonly Float64Array[] {
    return this.maps.map((maps) => {
      let x: Float64Array = Float64Array.from(direction);
      for (const map of maps.toReversed()) x = transposedTimes(map, x);
      return x;
    });
  }

  /** `last`: the rows that are read, [n, w]. */
  of(last: Float32Array): PictureReadout {
    const { norm, pooling } = this.readout;
    const w = norm.gain.length;
    const rows = Array.from({ length: last.length / w }, (_, i) => last.subarray(i * w, (i + 1) * w));
    const scales = rows.map((row) => 1 / deviation(row, norm.epsilon));
    const finished = rows.map((row) => normed(row, norm));
    const bias = Float64Array.from(norm.bias ?? new Float32Array(w));
    if (pooling.kind === 'row') {
      const projection = matrix(pooling.project);
      const own = pooling.project.bias ?? [];
      return {
        rows: [Float64Array.from(scales)],
        constant: plus(times(projection, bias), own),
        embedding: plus(times(projection, finished[0] ?? bias), own),
      };
    }
    const read = attended(pooling, finished);
    const value = plus(times(matrix(pooling.value), bias), pooling.value.bias ?? []);
    const constant = plus(times(matrix(pooling.output), value), pooling.output.bias ?? []);
    const pooled = plus(times(matrix(pooling.output), read.output), pooling.output.bias ?? []);
    const network = networkOf(pooling, pooled);
    return {
      rows: read.weights.map((weights) => weights.map((weight, i) => weight * (scales[i] ?? 0))),
      constant,
      network,
      embedding: plus(pooled, network),
    };
  }
}

/** What the heads of the pooling read: weights [heads][n] and outputs side by side [w]. */
function attended(
  { probe, heads, query, key, value }: AttentionReadout,
  finished: readonly Float64Array[],
): { readonly weights: readonly Float64Array[]; readonly output: Float64Array } {
  const d = query.rows / heads;
  const q = plus(times(matrix(query), Float64Array.from(probe)), query.bias ?? []);
  const [keyMap, valueMap] = [matrix(key), matrix(value)];
  const keys = finished.map((row) => plus(times(keyMap, row), key.bias ?? []));
  const values = finished.map((row) => plus(times(valueMap, row), value.bias ?? []));
  const output = new Float64Array(value.rows);
  const weights = Array.from({ length: heads }, (_, head) => {
    const part = (x: Float64Array) => x.subarray(head * d, (head + 1) * d);
    const own = Float64Array.from(softmax(keys.map((each) => dot(part(q), part(each)) / Math.sqrt(d))));
    values.forEach((each, i) => addTo(part(output), part(each), own[i] ?? 0));
    return own;
  });
  return { weights, output };
}

function networkOf({ norm, up, activation, down }: AttentionReadout, pooled: Float64Array): Float64Array {
  const inner = plus(times(matrix(up), normed(pooled, norm)), up.bias ?? []);
  return plus(times(matrix(down), inner.map(activationFunction(activation))), down.bias ?? []);
}

function activationFunction(activation: AttentionReadout['activation']): (x: number) => number {
  switch (activation) {
    case 'gelu-tanh':
      return (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case 'quick-gelu':
      return (x) => x / (1 + Math.exp(-1.702 * x));
    case 'silu':
      return (x) => x / (1 + Math.exp(-x));
    case 'relu':
      return (x) => Math.max(0, x);
    case 'squared-relu':
      return (x) => Math.max(0, x) ** 2;
    case 'gelu':
      throw new RangeError('no pooling of a picture has the exact GELU');
  }
}

const matrix = ({ data, rows, columns }: HeadMap): Matrix => ({
  data: Float64Array.from(data),
  outputs: rows,
  inputs: columns,
});

/** The map behind a norm with a fixed scale: the gain multiplied in, and of a LayerNorm the mean taken out. */
function throughNorm({ data, outputs, inputs }: Matrix, { kind, gain }: NormWeights): Matrix {
  const folded = data.map((value, at) => value * (gain[at % inputs] ?? 0));
  if (kind === 'layer') {
    for (let out = 0; out < outputs; out++) {
      const row = folded.subarray(out * inputs, (out + 1) * inputs);
      const mean = row.reduce((sum, value) => sum + value, 0) / inputs;
      row.forEach((value, i) => (row[i] = value - mean));
    }
  }
  return { data: folded, outputs, inputs };
}

const someRows = ({ data, inputs }: Matrix, first: number, count: number): Matrix => ({
  data: data.subarray(first * inputs, (first + count) * inputs),
  outputs: count,
  inputs,
});

function someColumns({ data, outputs, inputs }: Matrix, first: number, count: number): Matrix {
  const picked = new Float64Array(outputs * count);
  for (let row = 0; row < outputs; row++)
    picked.set(data.subarray(row * inputs + first, row * inputs + first + count), row * count);
  return { data: picked, outputs, inputs: count };
}

function times({ data, outputs, inputs }: Matrix, x: ArrayLike<number>): Float64Array {
  const out = new Float64Array(outputs);
  for (let row = 0; row < outputs; row++) {
    let sum = 0;
    for (let i = 0, at = row * inputs; i < inputs; i++, at++) sum += data[at]! * x[i]!;
    out[row] = sum;
  }
  return out;
}

function transposedTimes({ data, outputs, inputs }: Matrix, x: Float64Array): Float64Array {
  const out = new Float64Array(inputs);
  for (let row = 0; row < outputs; row++) addTo(out, data.subarray(row * inputs, (row + 1) * inputs), x[row] ?? 0);
  return out;
}

export function addTo(sum: Float64Array, part: ArrayLike<number>, factor = 1): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + factor * part[i]!;
}

const plus = (x: Float64Array, bias: ArrayLike<number>): Float64Array =>
  bias.length === 0 ? x : x.map((value, i) => value + (bias[i] ?? 0));

function deviation(row: ArrayLike<number>, epsilon: number): number {
  const centre = mean(row);
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (row[i]! - centre) ** 2;
  return Math.sqrt(sum / row.length + epsilon);
}

function normed(row: ArrayLike<number>, { gain, bias, epsilon }: NormWeights): Float64Array {
  const [centre, scale] = [mean(row), 1 / deviation(row, epsilon)];
  return Float64Array.from(row, (value, i) => (value - centre) * scale * (gain[i] ?? 0) + (bias?.[i] ?? 0));
}

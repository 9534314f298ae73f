/** Layers of networks in float64, straight from their definitions: what references of modules are made of. Shapes in brackets. */
import { sizeOf, tensor, zeros, type Tensor } from '../tensors/tensor';

/** The numbers of `x` in another shape. */
export const reshaped = (x: Tensor, shape: readonly number[]): Tensor => tensor(shape, x.data);

export const mapped = (x: Tensor, by: (value: number, at: number) => number): Tensor => tensor(x.shape, x.data.map(by));

/** Number by number; `b` has the shape of `a`. */
export function zipped(a: Tensor, b: Tensor, by: (x: number, y: number) => number): Tensor {
  if (a.shape.join() !== b.shape.join()) {
    throw new RangeError(`[${a.shape.join(', ')}] and [${b.shape.join(', ')}] differ in shape`);
  }
  return tensor(
    a.shape,
    a.data.map((x, at) => by(x, b.data[at]!)),
  );
}

export const sum = (a: Tensor, b: Tensor): Tensor => zipped(a, b, (x, y) => x + y);
export const product = (a: Tensor, b: Tensor): Tensor => zipped(a, b, (x, y) => x * y);

export const relu = (x: Tensor): Tensor => mapped(x, (value) => Math.max(0, value));
export const sigmoid = (x: Tensor): Tensor => mapped(x, (value) => 1 / (1 + Math.exp(-value)));
export const tanh = (x: Tensor): Tensor => mapped(x, Math.tanh);
/** x Phi(x), Phi the distribution function of the normal law. */
export const gelu = (x: Tensor): Tensor => mapped(x, (value) => (value / 2) * (1 + erf(value / Math.SQRT2)));

/**
 * 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, to 1e-15: its power series up to 3, from there one less the continued
 * fraction of the complement (Abramowitz and Stegun 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size > 6) return Math.sign(x);
  if (size <= 3) {
    let term = x;
    let total = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      total += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
  }
  let fraction = size;
  for (let n = 60; n >= 1; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction));
}

/** The axes of a tensor moved: axis i of the result is axis order[i] of `x`. */
export function permuted(x: Tensor, order: readonly number[]): Tensor {
  const shape = order.map((axis) => x.shape[axis]!);
  const strides = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)));
  const data = new Float64Array(x.data.length);
  const place = shape.map(() => 0);
  const steps = order.map((axis) => strides[axis]!);
  let from = 0;
  for (let at = 0; at < data.length; at++) {
    data[at] = x.data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++place[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      place[axis] = 0;
    }
  }
  return tensor(shape, data);
}

/** Entries [from, to) along an axis. */
export function sliced(x: Tensor, axis: number, from: number, to: number): Tensor {
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const length = x.shape[axis]!;
  const shape = x.shape.map((dim, at) => (at === axis ? to - from : dim));
  const data = new Float64Array(sizeOf(shape));
  for (let o = 0; o < outer; o++) {
    data.set(x.data.subarray((o * length + from) * inner, (o * length + to) * inner), o * (to - from) * inner);
  }
  return tensor(shape, data);
}

export function joined(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0]!;
  const outer = sizeOf(first.shape.slice(0, axis));
  const widths = parts.map(({ shape }) => sizeOf(shape.slice(axis)));
  const whole = widths.reduce((total, width) => total + width, 0);
  const data = new Float64Array(outer * whole);
  for (let o = 0; o < outer; o++) {
    let to = o * whole;
    parts.forEach((part, i) => {
      data.set(part.data.subarray(o * widths[i]!, (o + 1) * widths[i]!), to);
      to += widths[i]!;
    });
  }
  const length = parts.reduce((total, { shape }) => total + shape[axis]!, 0);
  return tensor(
    first.shape.map((dim, at) => (at === axis ? length : dim)),
    data,
  );
}

/** [..., m, k] times [..., k, n] -> [..., m, n]; equal leading axes, or none on one side. */
export function matrixProduct(a: Tensor, b: Tensor): Tensor {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const [inner, n] = b.shape.slice(-2) as [number, number];
  const [leadA, leadB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const lead = leadA.length > 0 ? leadA : leadB;
  if (k !== inner || (leadA.length > 0 && leadB.length > 0 && leadA.join() !== leadB.join())) {
    throw new RangeError(`[${a.shape.join(', ')}] does not multiply [${b.shape.join(', ')}]`);
  }
  const y = zeros([...lead, m, n]);
  for (let batch = 0; batch < sizeOf(lead); batch++) {
    const [fromA, fromB] = [leadA.length > 0 ? batch * m * k : 0, leadB.length > 0 ? batch * k * n : 0];
    for (let i = 0; i < m; i++) {
      const row = y.data.subarray((batch * m + i) * n, (batch * m + i + 1) * n);
      for (let x = 0; x < k; x++) {
        const weight = a.data[fromA + i * k + x]!;
        const from = fromB + x * n;
        for (let j = 0; j < n; j++) row[j]! += weight * b.data[from + j]!;
      }
    }
  }
  return y;
}

/** The last two axes exchanged. */
export const turned = (x: Tensor): Tensor => {
  const rank = x.shape.length;
  return permuted(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
};

/** x W^T + bias over the last axis, W [out, in] as PyTorch keeps it. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const rows = reshaped(x, [x.data.length / x.shape.at(-1)!, x.shape.at(-1)!]);
  const y = matrixProduct(rows, turned(weight));
  const out = weight.shape[0]!;
  if (bias) for (let at = 0; at < y.data.length; at++) y.data[at]! += bias.data[at % out]!;
  return reshaped(y, [...x.shape.slice(0, -1), out]);
}

/** Softmax along the last axis. */
export function softmax(x: Tensor): Tensor {
  const width = x.shape.at(-1)!;
  const data = new Float64Array(x.data.length);
  for (let from = 0; from < data.length; from += width) {
    let most = -Infinity;
    for (let at = from; at < from + width; at++) most = Math.max(most, x.data[at]!);
    let total = 0;
    for (let at = from; at < from + width; at++) total += data[at] = Math.exp(x.data[at]! - most);
    for (let at = from; at < from + width; at++) data[at]! /= total;
  }
  return tensor(x.shape, data);
}

/** (x - mean) / sqrt(variance + epsilon) over the last axis, then gain and offset; the variance divides by the width. */
export function layerNorm(x: Tensor, gain: Tensor | undefined, offset: Tensor | undefined, epsilon: number): Tensor {
  const width = x.shape.at(-1)!;
  const data = new Float64Array(x.data.length);
  for (let from = 0; from < data.length; from += width) {
    const row = x.data.subarray(from, from + width);
    const mean = row.reduce((total, value) => total + value, 0) / width;
    const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / width;
    const factor = 1 / Math.sqrt(variance + epsilon);
    row.forEach((value, i) => {
      data[from + i] = (value - mean) * factor * (gain?.data[i] ?? 1) + (offset?.data[i] ?? 0);
    });
  }
  return tensor(x.shape, data);
}

/** Group norm of [b, c, ...sizes]: each of `groups` groups of channels over its channels and all places. */
export function groupNorm(x: Tensor, groups: number, gain: Tensor, offset: Tensor, epsilon: number): Tensor {
  const [batch, channels] = x.shape as [number, number];
  const places = sizeOf(x.shape.slice(2));
  const normal = layerNorm(reshaped(x, [batch * groups, (channels / groups) * places]), undefined, undefined, epsilon);
  return channelwise(
    reshaped(normal, x.shape),
    (value, channel) => value * gain.data[channel]! + offset.data[channel]!,
  );
}

/** By the channel, axis 1 of [b, c, ...sizes]. */
function channelwise(x: Tensor, by: (value: number, channel: number) => number): Tensor {
  const channels = x.shape[1]!;
  const places = sizeOf(x.shape.slice(2));
  return mapped(x, (value, at) => by(value, Math.floor(at / places) % channels));
}

/** The four tensors of a batch norm as PyTorch names them. */
export interface BatchNorm {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly running_mean: Tensor;
  readonly running_var: Tensor;
}

/** Batch norm at inference over axis 1: (x - running mean) / sqrt(running variance + epsilon) * weight + bias. */
export const batchNorm = (x: Tensor, norm: BatchNorm, epsilon = 1e-5): Tensor =>
  channelwise(
    x,
    (value, channel) =>
      ((value - norm.running_mean.data[channel]!) / Math.sqrt(norm.running_var.data[channel]! + epsilon)) *
        norm.weight.data[channel]! +
      norm.bias.data[channel]!,
  );

/** Numbers on every edge, steps, and groups of channels. */
export interface Convolving {
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
}

/** [b, c, H, W] under kernels [out, c / groups, kh, kw], zeros beyond the edges. */
export function convolution(x: Tensor, weight: Tensor, bias?: Tensor, of: Convolving = {}): Tensor {
  const { stride = 1, padding = 0, groups = 1 } = of;
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [outs, ins, kh, kw] = weight.shape as [number, number, number, number];
  if (ins * groups !== channels) {
    throw new RangeError(`kernels [${weight.shape.join(', ')}] in ${groups} groups do not fit [${x.shape.join(', ')}]`);
  }
  const rows = Math.floor((height + 2 * padding - kh) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - kw) / stride) + 1;
  const y = zeros([batch, outs, rows, columns]);
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outs; o++) {
      const group = Math.floor(o / (outs / groups));
      const to = (b * outs + o) * rows * columns;
      y.data.fill(bias?.data[o] ?? 0, to, to + rows * columns);
      for (let c = 0; c < ins; c++) {
        const from = (b * channels + group * ins + c) * height * width;
        for (let i = 0; i < kh; i++) {
          for (let j = 0; j < kw; j++) {
            const value = weight.data[((o * ins + c) * kh + i) * kw + j]!;
            for (let row = 0; row < rows; row++) {
              const high = row * stride + i - padding;
              if (high < 0 || high >= height) continue;
              for (let column = 0; column < columns; column++) {
                const wide = column * stride + j - padding;
                if (wide < 0 || wide >= width) continue;
                y.data[to + row * columns + column]! += value * x.data[from + high * width + wide]!;
              }
            }
          }
        }
      }
    }
  }
  return y;
}

/** softmax(q k^T * scale) v of [b, h, n, d], [b, h, m, d] and [b, h, m, e]; the weights [b, h, n, m] beside it. */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  scale: number,
): { readonly output: Tensor; readonly weights: Tensor } {
  const weights = softmax(mapped(matrixProduct(query, turned(key)), (score) => score * scale));
  return { output: matrixProduct(weights, value), weights };
}

/** [b, n, h * d] -> [b, h, n, d]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, positions, width] = x.shape as [number, number, number];
  return permuted(reshaped(x, [batch, positions, heads, width / heads]), [0, 2, 1, 3]);
}

/** [b, h, n, d] -> [b, n, h * d]. */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, positions, width] = x.shape as [number, number, number, number];
  return reshaped(permuted(x, [0, 2, 1, 3]), [batch, positions, heads * width]);
}

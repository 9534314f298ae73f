/**
 * The spectral gate of SpectFormer in float64. Over a grid H x W, for each channel: X = rfft2(x) with the factor 1 / sqrt(H W), Y = X G,
 * y = irfft2(Y) with the same factor. G has the columns 0 .. floor(W / 2) of the spectrum; the others are their conjugates.
 */
import { sizeOf, tensor, zeros, type Tensor } from '../../tensors/tensor';

export const columnsOf = (width: number): number => Math.floor(width / 2) + 1;

/** Columns that stand for their conjugates too: all but 0 and, of an even width, the last. */
const isDouble = (column: number, width: number): boolean => column > 0 && 2 * column !== width;

/** cos and sin of 2 pi a b / n for whole a, b. */
function tableOf(n: number): { readonly cos: Float64Array; readonly sin: Float64Array } {
  const angles = Array.from({ length: n }, (_, i) => (2 * Math.PI * i) / n);
  return { cos: Float64Array.from(angles, Math.cos), sin: Float64Array.from(angles, Math.sin) };
}

export interface Spectrum {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** The spectrum of one channel [H, W], columns 0 .. floor(W / 2), with the factor 1 / sqrt(H W). */
export function spectrumOf(x: Float64Array, height: number, width: number): Spectrum {
  const columns = columnsOf(width);
  const [tall, wide] = [tableOf(height), tableOf(width)];
  const rows = { real: new Float64Array(height * columns), imaginary: new Float64Array(height * columns) };
  for (let p = 0; p < height; p++) {
    for (let v = 0; v < columns; v++) {
      let [re, im] = [0, 0];
      for (let q = 0; q < width; q++) {
        const at = (v * q) % width;
        re += x[p * width + q]! * wide.cos[at]!;
        im -= x[p * width + q]! * wide.sin[at]!;
      }
      rows.real[p * columns + v] = re;
      rows.imaginary[p * columns + v] = im;
    }
  }
  const factor = 1 / Math.sqrt(height * width);
  const out = { real: new Float64Array(height * columns), imaginary: new Float64Array(height * columns) };
  for (let u = 0; u < height; u++) {
    for (let v = 0; v < columns; v++) {
      let [re, im] = [0, 0];
      for (let p = 0; p < height; p++) {
        const at = (u * p) % height;
        const [a, b] = [rows.real[p * columns + v]!, rows.imaginary[p * columns + v]!];
        re += a * tall.cos[at]! + b * tall.sin[at]!;
        im += b * tall.cos[at]! - a * tall.sin[at]!;
      }
      out.real[u * columns + v] = re * factor;
      out.imaginary[u * columns + v] = im * factor;
    }
  }
  return out;
}

/** One channel [H, W] of a spectrum, with the factor given (1 / sqrt(H W), or 1 / (H W) for the kernel of a gate). */
function signalOf({ real, imaginary }: Spectrum, height: number, width: number, factor: number): Float64Array {
  const columns = columnsOf(width);
  const [tall, wide] = [tableOf(height), tableOf(width)];
  const x = new Float64Array(height * width);
  for (let p = 0; p < height; p++) {
    for (let v = 0; v < columns; v++) {
      let [re, im] = [0, 0];
      for (let u = 0; u < height; u++) {
        const at = (u * p) % height;
        const [a, b] = [real[u * columns + v]!, imaginary[u * columns + v]!];
        re += a * tall.cos[at]! - b * tall.sin[at]!;
        im += b * tall.cos[at]! + a * tall.sin[at]!;
      }
      const weight = (isDouble(v, width) ? 2 : 1) * factor;
      for (let q = 0; q < width; q++) {
        const at = (v * q) % width;
        x[p * width + q]! += weight * (re * wide.cos[at]! - im * wide.sin[at]!);
      }
    }
  }
  return x;
}

/** The gate of one channel of G [H, columns, C, 2]. */
export function gateOf(gate: Tensor, channel: number): Spectrum {
  const [height, columns, channels] = gate.shape as [number, number, number];
  const pick = (part: 0 | 1): Float64Array =>
    Float64Array.from({ length: height * columns }, (_, at) => gate.data[(at * channels + channel) * 2 + part]!);
  return { real: pick(0), imaginary: pick(1) };
}

/** The circular kernel [H, W] that a channel is convolved with: irfft2(G) without the factors, which cancel. */
export function kernelOf(gate: Tensor, channel: number, width: number): Float64Array {
  const height = gate.shape[0]!;
  return signalOf(gateOf(gate, channel), height, width, 1 / (height * width));
}

/** x [b, H, W, C] through the gate G [H, floor(W / 2) + 1, C, 2]. */
export function spectralGate(x: Tensor, gate: Tensor): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const y = zeros(x.shape);
  const places = height * width;
  for (let c = 0; c < channels; c++) {
    const { real, imaginary } = gateOf(gate, c);
    for (let b = 0; b < batch; b++) {
      const from = b * places * channels + c;
      const signal = Float64Array.from({ length: places }, (_, at) => x.data[from + at * channels]!);
      const spectrum = spectrumOf(signal, height, width);
      const gated = {
        real: spectrum.real.map((re, at) => re * real[at]! - spectrum.imaginary[at]! * imaginary[at]!),
        imaginary: spectrum.real.map((re, at) => re * imaginary[at]! + spectrum.imaginary[at]! * real[at]!),
      };
      signalOf(gated, height, width, 1 / Math.sqrt(places)).forEach((value, at) => {
        y.data[from + at * channels] = value;
      });
    }
  }
  return y;
}

/** The same by its kernel, point by point: y_c = x_c (*) k_c on the torus. */
export function circularConvolution(x: Tensor, kernels: readonly Float64Array[]): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const y = zeros(x.shape);
  const at = (b: number, p: number, q: number, c: number): number => ((b * height + p) * width + q) * channels + c;
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      const kernel = kernels[c]!;
      for (let p = 0; p < height; p++) {
        for (let q = 0; q < width; q++) {
          let total = 0;
          for (let i = 0; i < height; i++) {
            for (let j = 0; j < width; j++) {
              total +=
                kernel[((p - i + height) % height) * width + ((q - j + width) % width)]! * x.data[at(b, i, j, c)]!;
            }
          }
          y.data[at(b, p, q, c)] = total;
        }
      }
    }
  }
  return y;
}

/** The same number in every bin, for every channel. */
export function constantGate(height: number, width: number, channels: number, real: number): Tensor {
  const shape = [height, columnsOf(width), channels, 2];
  return tensor(
    shape,
    Float64Array.from({ length: sizeOf(shape) }, (_, at) => (at % 2 === 0 ? real : 0)),
  );
}

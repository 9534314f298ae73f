/**
 * LRPE (arXiv:2405.17381): x becomes [x cos(theta t), x sin(theta t)] at position t, so that the product of a query and a key
 * is sum_j q_j k_j cos(theta_j (t - s)). theta [H, d] is learned from 10000^(-2 j / (H d)), j counted through all heads.
 */
import { add, multiply, subtract } from '../../graph/operators/elementwise';
import { concat, expand, reshape, slice, unsqueeze } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import { tensor, type Tensor } from '../../tensors/tensor';

export const headAngles = (heads: number, width: number): readonly (readonly number[])[] =>
  Array.from({ length: heads }, (_, h) =>
    Array.from({ length: width }, (_, x) => 10000 ** ((-2 * (h * width + x)) / (heads * width))),
  );

/** Positions in one step of the coarser of two tables. */
const span = 256;

/**
 * [b, h, n, d] to [b, h, n, 2 d], the first row standing at position `first`. Angles theta t of long sequences are worked out
 * in float64 for every 256th position and for 256 neighbours, and added by the theorem of addition: theta t in float32 would
 * be wrong by t 2^-24.
 */
export function rotate(x: Value, first: number): Value {
  const [, heads, length, width] = x.shape as readonly [number, number, number, number];
  const angles = headAngles(heads, width);
  const steps = Math.ceil(length / span);
  const fine = Math.min(span, length);
  const table = (shape: readonly number[], positions: readonly number[], f: (angle: number) => number): Value =>
    x.graph.constant(
      x.type,
      shape,
      angles.flatMap((own) => positions.flatMap((position) => own.map((angle) => f(angle * position)))),
    );
  const coarsePositions = Array.from({ length: steps }, (_, i) => first + i * span);
  const finePositions = Array.from({ length: fine }, (_, i) => i);
  const coarse = (f: (angle: number) => number) => table([heads, steps, 1, width], coarsePositions, f);
  const near = (f: (angle: number) => number) => table([heads, 1, fine, width], finePositions, f);
  const [cosA, sinA, cosB, sinB] = [coarse(Math.cos), coarse(Math.sin), near(Math.cos), near(Math.sin)];
  const rows = (y: Value): Value => slice(reshape(y, [heads, steps * fine, width]), 1, 0, length);
  const cosines = rows(subtract(multiply(cosA, cosB), multiply(sinA, sinB)));
  const sines = rows(add(multiply(sinA, cosB), multiply(cosA, sinB)));
  return concat([multiply(x, cosines), multiply(x, sines)], 3);
}

export function rotateTensor(x: Tensor, angles: readonly (readonly number[])[], first: number): Tensor {
  const [batch, heads, length, width] = x.shape as readonly [number, number, number, number];
  const data = new Float64Array(2 * x.data.length);
  for (let row = 0; row < batch * heads * length; row++) {
    const position = first + (row % length);
    const own = angles[Math.floor(row / length) % heads]!;
    for (let c = 0; c < width; c++) {
      data[row * 2 * width + c] = x.data[row * width + c]! * Math.cos(own[c]! * position);
      data[row * 2 * width + width + c] = x.data[row * width + c]! * Math.sin(own[c]! * position);
    }
  }
  return tensor([batch, heads, length, 2 * width], data);
}

/** A key/value head for every query head, [b, hkv, m, d] to [b, h, m, d]. */
export function spreadHeads(x: Value, heads: number): Value {
  const [batch, kvHeads, length, width] = x.shape as readonly [number, number, number, number];
  if (kvHeads === heads) return x;
  const repeated = expand(unsqueeze(x, 2), [batch, kvHeads, heads / kvHeads, length, width]);
  return reshape(repeated, [batch, heads, length, width]);
}

export function spreadTensor(x: Tensor, heads: number): Tensor {
  const [batch, kvHeads, length, width] = x.shape as readonly [number, number, number, number];
  const data = new Float64Array(batch * heads * length * width);
  for (let h = 0; h < batch * heads; h++) {
    const from = (Math.floor(h / heads) * kvHeads + Math.floor((h % heads) / (heads / kvHeads))) * length * width;
    data.set(x.data.subarray(from, from + length * width), h * length * width);
  }
  return tensor([batch, heads, length, width], data);
}

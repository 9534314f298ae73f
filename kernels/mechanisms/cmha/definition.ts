/**
 * Complex-vector attention in float64 (arXiv:2505.10222, the authors' attention/complex_attention.py).
 *
 * Component i of a query or key makes a complex number with component i + d / 2: magnitude r = sqrt(x^2 + y^2 + 1e-9), angle
 * theta = atan2(y, x). With g_i = base^(-2 i / d) and the learned delta, b [h, d / 2] the score of query m and key n is
 * sum over i of r^q_i r^k_i cos(delta_i (theta^q_i - theta^k_i) + b_i + (pos(m) - pos(n)) g_i).
 */
import type { Weight } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import type { AttentionInputs } from '../../tensors/tensor';

export interface CmhaParameters extends Record<string, number | string> {
  readonly form: 'factored' | 'naive';
  readonly scale: 'none' | '1 / root of d';
  readonly base: number;
}

/** Added to the square of a magnitude. */
export const epsilon = 1e-9;

export const cmhaWeights = ({ heads, headDim }: AttentionShape): readonly Weight[] => [
  { name: 'delta', shape: [heads, headDim / 2], initial: { kind: 'normal', deviation: (headDim / 2) ** -0.5 } },
  { name: 'b', shape: [heads, headDim / 2], initial: { kind: 'normal', deviation: 0.5 } },
];

/** Radians by which plane i of d / 2 turns from one position to the next; 0 for base 0. */
export const planeAngles = (width: number, base: number): readonly number[] =>
  Array.from({ length: width / 2 }, (_, i) => (base === 0 ? 0 : base ** ((-2 * i) / width)));

/** Where query 0 stands: after the cache in causal self-attention; both sides count from 0 otherwise. */
export const firstPosition = (shape: AttentionShape): number => (isCausalSelf(shape) ? queryOffset(shape) : 0);

export const scaleOf = ({ headDim }: AttentionShape, { scale }: CmhaParameters): number =>
  scale === 'none' ? 1 : headDim ** -0.5;

/** Magnitude and angle of every plane of [..., d], each [..., d / 2] in one list. */
function polar(
  { data, shape }: Tensor,
  added: number,
): { readonly radius: Float64Array; readonly angle: Float64Array } {
  const half = shape.at(-1)! / 2;
  const radius = new Float64Array(data.length / 2);
  const angle = new Float64Array(data.length / 2);
  for (let at = 0; at < radius.length; at++) {
    const from = Math.floor(at / half) * 2 * half + (at % half);
    // Adding 0 makes -0 the 0 that it stands for: the angle of (-0, -0) would be -pi.
    const [x, y] = [data[from]! + 0, data[from + half]! + 0];
    radius[at] = Math.sqrt(x * x + y * y + added);
    angle[at] = Math.atan2(y, x);
  }
  return { radius, angle };
}

/** The score of query i and key j in head h of sequence b; `added` to the squares of magnitudes in place of 1e-9. */
export function cmhaScores(
  { query, key, weights }: Omit<AttentionInputs, 'value'>,
  shape: AttentionShape,
  parameters: CmhaParameters,
  added = epsilon,
): (b: number, h: number, i: number, j: number) => number {
  const { heads, kvHeads, queries, keys, headDim } = shape;
  const half = headDim / 2;
  const [q, k] = [polar(query, added), polar(key, added)];
  const [delta, b] = [weights['delta']!.data, weights['b']!.data];
  const angles = planeAngles(headDim, parameters.base);
  const first = firstPosition(shape);
  const scale = scaleOf(shape, parameters);
  return (sequence, h, i, j) => {
    const from = ((sequence * heads + h) * queries + i) * half;
    const at = ((sequence * kvHeads + Math.floor(h / (heads / kvHeads))) * keys + j) * half;
    let sum = 0;
    for (let x = 0; x < half; x++) {
      const semantic = delta[h * half + x]! * (q.angle[from + x]! - k.angle[at + x]!) + b[h * half + x]!;
      sum += q.radius[from + x]! * k.radius[at + x]! * Math.cos(semantic + (i + first - j) * angles[x]!);
    }
    return sum * scale;
  };
}

/** The outputs of the queries `rows`, [b, h, rows.length, dv]; zeros where nothing is read. */
export function cmhaRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: CmhaParameters,
  rows: readonly number[],
): Tensor {
  const { batch, heads, kvHeads, keys, valueDim } = shape;
  const score = cmhaScores(inputs, shape, parameters);
  const reads = denseReads(shape);
  const output = zeros([batch, heads, rows.length, valueDim]);
  for (let row = 0; row < batch * heads * rows.length; row++) {
    const i = rows[row % rows.length]!;
    const h = Math.floor(row / rows.length) % heads;
    const b = Math.floor(row / rows.length / heads);
    const scores: number[] = [];
    for (let j = 0; j < keys && reads(h, i, j); j++) scores.push(score(b, h, i, j));
    const highest = scores.reduce((most, each) => Math.max(most, each), -Infinity);
    const weights = scores.map((each) => Math.exp(each - highest));
    const total = weights.reduce((sum, each) => sum + each, 0);
    const first = (b * kvHeads + Math.floor(h / (heads / kvHeads))) * keys;
    weights.forEach((weight, j) => {
      for (let x = 0; x < valueDim; x++) {
        output.data[row * valueDim + x]! += (weight / total) * inputs.value.data[(first + j) * valueDim + x]!;
      }
    });
  }
  return output;
}

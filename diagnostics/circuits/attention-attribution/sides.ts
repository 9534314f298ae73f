/**
 * What each part of a stream adds to the query or key of one head. The norm in front is frozen at the scale of the whole stream,
 * a norm over the head (Qwen 3, Gemma 3) at that of the whole query or key; the rotation of the position is linear. Biases of
 * the norm and of the projection are added to the part `bias`.
 */
import type { HeadMap, LayerRotation, NormWeights } from '../../model-runner/weights';
import { frozen, scaleOf } from '../../shared/weights/norms';
import { rotated } from '../../shared/weights/rotation';
import type { StreamPart } from './stream-parts';

export interface Side {
  /** [d, w] of the head. */
  readonly map: HeadMap;
  readonly norm: NormWeights | undefined;
  readonly headNorm: NormWeights | undefined;
  /** Rotation of one position. */
  readonly rotation: LayerRotation | undefined;
}

/** [parts][d] */
export function sideParts(
  { map, norm, headNorm, rotation }: Side,
  names: readonly StreamPart[],
  parts: readonly Float64Array[],
  stream: Float32Array,
): readonly Float64Array[] {
  const scale = norm ? scaleOf(norm, stream) : 1;
  const projected = parts.map((part) => applied(map, frozen(norm, part, scale)));
  const bias = projected[names.findIndex(({ kind }) => kind === 'bias')];
  if (!bias) throw new RangeError('there is no part for biases');
  if (norm?.bias) addTo(bias, applied(map, norm.bias));
  if (map.bias) addTo(bias, map.bias);
  const whole = new Float64Array(map.rows);
  for (const part of projected) addTo(whole, part);
  const headScale = headNorm ? scaleOf(headNorm, whole) : 1;
  const normed = projected.map((part) => frozen(headNorm, part, headScale));
  return rotation ? normed.map((part) => rotated(part, rotation)) : normed;
}

function applied({ data, rows, columns }: HeadMap, x: ArrayLike<number>): Float64Array {
  const out = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += (data[row * columns + i] ?? 0) * (x[i] ?? 0);
    out[row] = sum;
  }
  return out;
}

function addTo(to: Float64Array, value: ArrayLike<number>): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) + (value[i] ?? 0);
}

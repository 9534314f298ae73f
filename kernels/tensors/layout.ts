/** Changes between heads-first [batch, head, position, width] and sequence-first [batch, position, head * width]. */
import { tensor, type Tensor } from './tensor';

export function toSequenceFirst(x: Tensor): Tensor {
  const [batch, heads, positions, width] = fourAxes(x);
  const data = new Float64Array(x.data.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < positions; i++) {
        const from = ((b * heads + h) * positions + i) * width;
        data.set(x.data.subarray(from, from + width), ((b * positions + i) * heads + h) * width);
      }
    }
  }
  return tensor([batch, positions, heads * width], data);
}

export function toHeadsFirst(x: Tensor, heads: number): Tensor {
  const [batch, positions, all] = x.shape;
  if (
    batch === undefined ||
    positions === undefined ||
    all === undefined ||
    x.shape.length !== 3 ||
    all % heads !== 0
  ) {
    throw new RangeError(`[${x.shape.join(', ')}] is no [batch, position, ${heads} heads * width]`);
  }
  const width = all / heads;
  const data = new Float64Array(x.data.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < positions; i++) {
        const from = ((b * positions + i) * heads + h) * width;
        data.set(x.data.subarray(from, from + width), ((b * heads + h) * positions + i) * width);
      }
    }
  }
  return tensor([batch, heads, positions, width], data);
}

function fourAxes(x: Tensor): readonly [number, number, number, number] {
  const [batch, heads, positions, width] = x.shape;
  if (
    x.shape.length !== 4 ||
    batch === undefined ||
    heads === undefined ||
    positions === undefined ||
    width === undefined
  ) {
    throw new RangeError(`[${x.shape.join(', ')}] is no [batch, head, position, width]`);
  }
  return [batch, heads, positions, width];
}

/** Positions [start, end) of [batch, head, position, width]. */
export function positionsOf(x: Tensor, start: number, end: number): Tensor {
  const [batch, heads, positions, width] = fourAxes(x);
  const count = end - start;
  const data = new Float64Array(batch * heads * count * width);
  for (let h = 0; h < batch * heads; h++) {
    const from = (h * positions + start) * width;
    data.set(x.data.subarray(from, from + count * width), h * count * width);
  }
  return tensor([batch, heads, count, width], data);
}

/** [batch, head, position, width] of `x` and, after it, of `more`. */
export function joinPositions(x: Tensor, more: Tensor): Tensor {
  const [batch, heads, positions, width] = fourAxes(x);
  const [own, added] = [positions * width, fourAxes(more)[2] * width];
  const data = new Float64Array(batch * heads * (own + added));
  for (let h = 0; h < batch * heads; h++) {
    data.set(x.data.subarray(h * own, (h + 1) * own), h * (own + added));
    data.set(more.data.subarray(h * added, (h + 1) * added), h * (own + added) + own);
  }
  return tensor([batch, heads, positions + fourAxes(more)[2], width], data);
}

/** Heads and positions of a heads-first tensor [batch, head, position, width]: cut out, and put back where they were. */
import { lengthOf, type Range } from '../../kernels/mechanisms/distributed/partition';

export interface Axes {
  readonly batch: number;
  readonly heads: number;
  readonly positions: number;
  readonly width: number;
}

/** [batch, heads of the range, positions of all ranges in a row, width]. */
export function takePart(
  whole: ArrayLike<number>,
  axes: Axes,
  heads: Range,
  ranges: readonly Range[],
): Float32Array<ArrayBuffer> {
  const part = new Float32Array(axes.batch * (heads.end - heads.start) * lengthOf(ranges) * axes.width);
  forEachRun(axes, heads, ranges, (inWhole, inPart, count) => {
    for (let i = 0; i < count; i++) part[inPart + i] = whole[inWhole + i]!;
  });
  return part;
}

/** The reverse of takePart: writes the part into the whole. */
export function placePart(
  part: Float32Array,
  whole: Float32Array,
  axes: Axes,
  heads: Range,
  ranges: readonly Range[],
): void {
  forEachRun(axes, heads, ranges, (inWhole, inPart, count) =>
    whole.set(part.subarray(inPart, inPart + count), inWhole),
  );
}

/** The runs of neighbouring numbers: where they begin in the whole and in the part. */
function forEachRun(
  { batch, heads: all, positions, width }: Axes,
  heads: Range,
  ranges: readonly Range[],
  act: (inWhole: number, inPart: number, count: number) => void,
): void {
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let head = heads.start; head < heads.end; head++) {
      for (const { start, end } of ranges) {
        const count = (end - start) * width;
        act(((b * all + head) * positions + start) * width, at, count);
        at += count;
      }
    }
  }
}

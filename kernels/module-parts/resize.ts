/** Maps [b, c, H, W] in another size by bilinear interpolation, in float64 and as a graph, and halved by maxima. */
import { add, multiply, subtract } from '../graph/operators/elementwise';
import { gather, reshape } from '../graph/operators/layout';
import { reduceMax } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import type { ModuleGraph } from '../module';
import { tensor, zeros, type Tensor } from '../tensors/tensor';

/**
 * Where the outer samples lie: `corners` on the outer pixels (`align_corners=True` in PyTorch, `align_corners` in ONNX Resize), `halves`
 * half a pixel inside the edge (`align_corners=False`, `half_pixel`). No filter before shrinking.
 */
export type Alignment = 'corners' | 'halves';

interface Taps {
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Share of `high`. */
  readonly part: readonly number[];
}

/** The two samples that each of `to` positions lies between. */
function tapsOf(from: number, to: number, alignment: Alignment): Taps {
  const positions = Array.from({ length: to }, (_, at) => {
    if (alignment === 'corners') return to === 1 ? 0 : (at * (from - 1)) / (to - 1);
    return Math.min(from - 1, Math.max(0, ((at + 0.5) * from) / to - 0.5));
  });
  const low = positions.map((position) => Math.min(from - 1, Math.floor(position)));
  return {
    low,
    high: low.map((at) => Math.min(from - 1, at + 1)),
    part: positions.map((position, at) => position - low[at]!),
  };
}

export function bilinear(x: Tensor, height: number, width: number, alignment: Alignment): Tensor {
  const [batch, channels, rows, columns] = x.shape as [number, number, number, number];
  const [down, across] = [tapsOf(rows, height, alignment), tapsOf(columns, width, alignment)];
  const y = zeros([batch, channels, height, width]);
  for (let map = 0; map < batch * channels; map++) {
    const from = map * rows * columns;
    for (let i = 0; i < height; i++) {
      const along = (row: number, j: number): number => {
        const first = x.data[from + row * columns + across.low[j]!]!;
        return first + across.part[j]! * (x.data[from + row * columns + across.high[j]!]! - first);
      };
      for (let j = 0; j < width; j++) {
        const above = along(down.low[i]!, j);
        y.data[(map * height + i) * width + j] = above + down.part[i]! * (along(down.high[i]!, j) - above);
      }
    }
  }
  return y;
}

/** As gathered rows and columns: linear in the pixels, and with a gradient, which Resize has not here. */
export function bilinearGraph(
  graph: ModuleGraph,
  x: Value,
  height: number,
  width: number,
  alignment: Alignment,
): Value {
  const along = (value: Value, axis: 2 | 3, to: number): Value => {
    const from = Number(value.shape[axis]);
    const { low, high, part } = tapsOf(from, to, alignment);
    if (from === to) return value;
    const at = (indices: readonly number[]): Value => gather(value, value.graph.constant('int64', [to], indices), axis);
    const first = at(low);
    const share = graph.constant(axis === 2 ? [to, 1] : [to], part);
    return add(first, multiply(share, subtract(at(high), first)));
  };
  return along(along(x, 3, width), 2, height);
}

/** Maxima of 2 x 2 pixels; even sizes. */
export function halved(x: Tensor): Tensor {
  const [batch, channels, rows, columns] = x.shape as [number, number, number, number];
  const shape = [batch, channels, rows / 2, columns / 2];
  const data = new Float64Array(x.data.length / 4);
  for (let row = 0; row < (batch * channels * rows) / 2; row++) {
    for (let j = 0; j < columns / 2; j++) {
      const from = 2 * row * columns + 2 * j;
      data[(row * columns) / 2 + j] = Math.max(
        x.data[from]!,
        x.data[from + 1]!,
        x.data[from + columns]!,
        x.data[from + columns + 1]!,
      );
    }
  }
  return tensor(shape, data);
}

export function halvedGraph(x: Value): Value {
  const [batch, channels, rows, columns] = x.shape.map(Number) as [number, number, number, number];
  return reduceMax(reshape(x, [batch, channels, rows / 2, 2, columns / 2, 2]), [3, 5], false);
}

/** Conv and ConvTranspose in float64, cell by cell. */
import { sizeOf, tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { stridesOf } from './arrays';
import type { Call, Operators } from './operators';

/** Index along each axis. */
const placeOf = (i: number, shape: readonly number[], strides: readonly number[]): number[] =>
  shape.map((dim, axis) => Math.floor(i / strides[axis]!) % dim);

interface Geometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly groups: number;
}

function geometryOf({ x, number, list }: Call): Geometry {
  const kernel = x[1]!.shape.slice(2);
  return {
    kernel,
    strides: list('strides') ?? kernel.map(() => 1),
    dilations: list('dilations') ?? kernel.map(() => 1),
    pads: list('pads') ?? kernel.flatMap(() => [0, 0]),
    groups: number('group', 1),
  };
}

/** Calls `visit` for each pair of a cell of the small side and a number of the large side that a number of the kernel joins. */
function pairs(
  large: readonly number[],
  small: readonly number[],
  { kernel, strides, dilations, pads }: Geometry,
  visit: (large: number, small: number, kernel: number) => void,
): void {
  const [ofLarge, ofSmall, ofKernel] = [stridesOf(large), stridesOf(small), stridesOf(kernel)];
  for (let cell = 0; cell < sizeOf(small); cell++) {
    const at = placeOf(cell, small, ofSmall);
    for (let tap = 0; tap < sizeOf(kernel); tap++) {
      const inside = placeOf(tap, kernel, ofKernel).map(
        (k, axis) => at[axis]! * strides[axis]! + k * dilations[axis]! - pads[axis]!,
      );
      if (inside.some((place, axis) => place < 0 || place >= large[axis]!)) continue;
      visit(
        inside.reduce((sum, place, axis) => sum + place * ofLarge[axis]!, 0),
        cell,
        tap,
      );
    }
  }
}

function convolution(call: Call): Tensor {
  const [x, weight, bias] = call.x;
  const geometry = geometryOf(call);
  const { kernel, strides, dilations, pads, groups } = geometry;
  const [batch, channels, ...sizes] = x!.shape as [number, number, ...number[]];
  const [outputs, inputs] = weight!.shape as [number, number];
  const cells = sizes.map((size, axis) =>
    Math.floor(
      (size + pads[axis]! + pads[sizes.length + axis]! - dilations[axis]! * (kernel[axis]! - 1) - 1) / strides[axis]! +
        1,
    ),
  );
  const [ofImage, ofCells, ofKernel] = [sizeOf(sizes), sizeOf(cells), sizeOf(kernel)];
  const out = new Float64Array(batch * outputs * ofCells);
  const joins: number[][] = [];
  pairs(sizes, cells, geometry, (...join) => joins.push(join));
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outputs; o++) {
      const to = (b * outputs + o) * ofCells;
      for (let cell = 0; cell < ofCells; cell++) out[to + cell] = bias?.data[o] ?? 0;
      const first = Math.floor(o / (outputs / groups)) * inputs;
      for (let i = 0; i < inputs; i++) {
        const read = (b * channels + first + i) * ofImage;
        const weigh = (o * inputs + i) * ofKernel;
        for (const [large, small, tap] of joins) {
          out[to + small!] = out[to + small!]! + x!.data[read + large!]! * weight!.data[weigh + tap!]!;
        }
      }
    }
  }
  return tensor([batch, outputs, ...cells], out);
}

function transposed(call: Call): Tensor {
  const [x, weight] = call.x;
  const geometry = geometryOf(call);
  const { kernel, strides, pads, groups } = geometry;
  const [batch, channels, ...cells] = x!.shape as [number, number, ...number[]];
  const perGroup = weight!.shape[1]!;
  const more = call.list('output_padding') ?? cells.map(() => 0);
  const sizes = cells.map(
    (count, axis) =>
      (count - 1) * strides[axis]! + kernel[axis]! - pads[axis]! - pads[cells.length + axis]! + more[axis]!,
  );
  const outputs = perGroup * groups;
  const [ofCells, ofImage, ofKernel] = [sizeOf(cells), sizeOf(sizes), sizeOf(kernel)];
  const out = new Float64Array(batch * outputs * ofImage);
  const joins: number[][] = [];
  pairs(sizes, cells, geometry, (...join) => joins.push(join));
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      const first = Math.floor(c / (channels / groups)) * perGroup;
      for (let o = 0; o < perGroup; o++) {
        const to = (b * outputs + first + o) * ofImage;
        const weigh = (c * perGroup + o) * ofKernel;
        for (const [large, small, tap] of joins) {
          out[to + large!] =
            out[to + large!]! + x!.data[(b * channels + c) * ofCells + small!]! * weight!.data[weigh + tap!]!;
        }
      }
    }
  }
  return tensor([batch, outputs, ...sizes], out);
}

export const convolutions: Operators = { Conv: convolution, ConvTranspose: transposed };

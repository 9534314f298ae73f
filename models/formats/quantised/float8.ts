/** Matrices of float8 e4m3 with scales. */
import { toHalf } from '../../../kernels/tensors/half';
import type { Quantisation } from '../model-description';
import type { NumberFormat } from '../number-formats/number-format';
import type { ModuleParts, PartTensor } from './module-parts';
import { float8Numbers, numbersOf } from './part-bytes';
import { axes, type QuantisedMatrix } from './quantised-matrix';

export async function float8Matrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  codes: T,
  { blockSize }: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const [rows, columns] = axes(parts, codes);
  const scales = parts.get('.weight_scale_inv') ?? parts.need('.weight_scale');
  await parts.requireNumbers(scales);
  const [lines = 1, blocks = 1] = scales.shape;
  const [down, across] = blockSize ?? [];
  const isWhole = lines * blocks === 1;
  const isRows = lines === rows && blocks === 1;
  const block: readonly [number | undefined, number | undefined] = isWhole
    ? [undefined, undefined]
    : isRows
      ? [1, undefined]
      : [down ?? rows / lines, across ?? columns / blocks];
  if (!isWhole && !isRows) {
    const [height = rows, width = columns] = block;
    parts.requireShape(
      scales,
      [Math.ceil(rows / height), Math.ceil(columns / width)],
      `blocks of ${height} x ${width} over [${rows}, ${columns}]`,
    );
  }
  return {
    shape: [rows, columns],
    format: float8({ rows, columns, block, scaleType: scales.dtype }),
    parts: { codes, scales },
  };
}

interface Float8Matrix {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns] that share a scale; an absent side is the whole side of the matrix. */
  readonly block: readonly [rows: number | undefined, columns: number | undefined];
  readonly scaleType: string;
  readonly name?: string;
}

/** float16 has every number of float8. */
let halves: Uint16Array | undefined;

/** float8 e4m3 times a scale: one for the matrix, one for each row, or one for each block of rows and columns. */
export function float8({
  rows,
  columns,
  block: [down = rows, across = columns],
  scaleType,
  name = 'FP8',
}: Float8Matrix): NumberFormat {
  const blocks = Math.ceil(columns / across);
  return {
    name,
    byRow: ['codes'],
    decoder: {
      kind: 'halves',
      block: [down, across],
      halves: ({ parts }) => {
        const of = (halves ??= Uint16Array.from(float8Numbers, toHalf));
        const codes = parts['codes']!;
        const out = new Uint16Array(codes.length);
        for (let i = 0; i < out.length; i++) out[i] = of[codes[i]!]!;
        return out;
      },
      scales: (parts) => numbersOf(parts['scales']!, scaleType),
      widen: ({ parts, first, count }) => {
        const codes = parts['codes']!;
        const scales = numbersOf(parts['scales']!, scaleType);
        const out = new Float32Array(count * columns);
        for (let row = 0; row < count; row++) {
          const line = Math.floor((first + row) / down) * blocks;
          for (let block = 0; block < blocks; block++) {
            const scale = scales[line + block]!;
            const end = Math.min(columns, (block + 1) * across);
            for (let at = row * columns + block * across; at < row * columns + end; at++) {
              out[at] = float8Numbers[codes[at]!]! * scale;
            }
          }
        }
        return out;
      },
    },
  };
}

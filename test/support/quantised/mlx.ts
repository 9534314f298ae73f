/** MLX affine (`mx.quantize`): the codes of a row in one stream of bits, with a scale and a bias for each group. */
import { bitStream, floats, grouped, words, type FloatType, type Matrix, type WrittenMatrix } from './matrix';

export function mlxMatrix(
  matrix: Matrix,
  {
    bits,
    group,
    scaleType = 'BF16',
  }: { readonly bits: number; readonly group: number; readonly scaleType?: FloatType },
): WrittenMatrix {
  const { rows, columns } = matrix;
  const { codes, scales, biases, groups, numbers } = grouped(matrix, { bits, group, scaleType, biased: true });
  const packed = Array.from({ length: rows }, (_, row) =>
    bitStream(codes.subarray(row * columns, (row + 1) * columns), bits),
  );
  return {
    numbers,
    tensors: {
      '.weight': words(packed.flat(), [rows, (columns * bits) / 32], 'U32'),
      '.scales': floats(scales, [rows, groups], scaleType),
      '.biases': floats(biases, [rows, groups], scaleType),
    },
  };
}

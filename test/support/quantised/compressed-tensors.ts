/** compressed-tensors: `pack-quantized` and `int-quantized`. Integers are signed, and 2^(bits - 1) is added before they are packed. */
import {
  bitStream,
  floats,
  grouped,
  words,
  type GroupOptions,
  type Matrix,
  type RawTensor,
  type WrittenMatrix,
} from './matrix';

export function packedMatrix(matrix: Matrix, options: GroupOptions): WrittenMatrix {
  const { rows, columns } = matrix;
  const { bits, symmetric = false, groupOf } = options;
  const { codes, scales, zeros, groups, numbers } = grouped(matrix, { scaleType: 'BF16', ...options });
  const packed = Array.from({ length: rows }, (_, row) =>
    bitStream(codes.subarray(row * columns, (row + 1) * columns), bits),
  );
  const perColumn = Array.from({ length: groups }, (_, at) =>
    bitStream(
      zeros.filter((_zero, i) => i % groups === at),
      bits,
    ),
  );
  const zeroLines = perColumn[0]?.length ?? 0;
  const zeroWords = Array.from(
    { length: zeroLines * groups },
    (_, i) => perColumn[i % groups]?.[Math.floor(i / groups)] ?? 0,
  );
  return {
    numbers,
    tensors: {
      '.weight_packed': words(packed.flat(), [rows, packed[0]?.length ?? 0]),
      '.weight_scale': floats(scales, [rows, groups], options.scaleType ?? 'BF16'),
      ...(symmetric ? {} : { '.weight_zero_point': words(zeroWords, [zeroLines, groups]) }),
      '.weight_shape': {
        dtype: 'I64',
        shape: [2],
        bytes: new Uint8Array(BigInt64Array.of(BigInt(rows), BigInt(columns)).buffer),
      },
      ...(groupOf ? { '.weight_g_idx': words(groupOf, [columns]) } : {}),
    },
  };
}

export function signedMatrix(
  matrix: Matrix,
  options: { readonly group?: number; readonly symmetric?: boolean } = {},
): WrittenMatrix {
  const { rows, columns } = matrix;
  const { group = columns, symmetric = true } = options;
  const { codes, scales, zeros, groups, numbers } = grouped(matrix, { bits: 8, group, symmetric, scaleType: 'BF16' });
  const signed = (values: Uint8Array, shape: readonly number[]): RawTensor => ({
    dtype: 'I8',
    shape,
    bytes: new Uint8Array(Int8Array.from(values, (code) => code - 128).buffer),
  });
  return {
    numbers,
    tensors: {
      '.weight': signed(codes, [rows, columns]),
      '.weight_scale': floats(scales, [rows, groups], 'BF16'),
      ...(symmetric ? {} : { '.weight_zero_point': signed(zeros, [rows, groups]) }),
    },
  };
}

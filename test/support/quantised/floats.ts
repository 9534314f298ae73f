/** FP8, MXFP4 and NVFP4, in the forms of transformers, compressed-tensors, modelopt and gpt-oss. */
import { bytesOf, floats, rounded, type FloatType, type Matrix, type RawTensor, type WrittenMatrix } from './matrix';

/** Magnitudes of float4 e2m1 by pattern. */
const fours = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/** Magnitudes of float8 e4m3fn by pattern: 8 steps between two powers of two; the least is 2^-9. */
const eights = Array.from({ length: 127 }, (_, code) =>
  code < 8 ? code / 512 : (1 + (code % 8) / 8) * 2 ** (Math.floor(code / 8) - 7),
);

function nearest(sizes: readonly number[], value: number): { readonly code: number; readonly number: number } {
  let best = 0;
  const size = Math.abs(value);
  for (let i = 1; i < sizes.length; i++) {
    if (Math.abs((sizes[i] ?? 0) - size) < Math.abs((sizes[best] ?? 0) - size)) best = i;
  }
  const sign = value < 0 ? -1 : 1;
  return { code: best, number: sign * (sizes[best] ?? 0) };
}

export interface Float8Options {
  readonly scales: 'matrix' | 'rows' | readonly [rows: number, columns: number];
  /** `.weight_scale_inv` of transformers and DeepSeek, else `.weight_scale`. Both multiply. */
  readonly suffix?: '.weight_scale_inv' | '.weight_scale';
  readonly scaleType?: FloatType;
  /** Shape of the scale of a matrix. */
  readonly scalar?: readonly number[];
}

export function float8Matrix({ data, rows, columns }: Matrix, options: Float8Options): WrittenMatrix {
  const { suffix = '.weight_scale', scaleType = 'F32', scalar = [] } = options;
  const [down, across] =
    options.scales === 'matrix' ? [rows, columns] : options.scales === 'rows' ? [1, columns] : options.scales;
  const [lines, blocks] = [Math.ceil(rows / down), Math.ceil(columns / across)];
  const blockOf = (i: number): number =>
    Math.floor(Math.floor(i / columns) / down) * blocks + Math.floor((i % columns) / across);
  const most = new Float64Array(lines * blocks);
  for (let i = 0; i < rows * columns; i++) most[blockOf(i)] = Math.max(most[blockOf(i)] ?? 0, Math.abs(data[i] ?? 0));
  const scales = most.map((size) => rounded(size / 448, scaleType));
  const { codes, numbers } = eightBitCodes(data, (i) => scales[blockOf(i)] ?? 1);
  const shape = options.scales === 'matrix' ? scalar : [lines, blocks];
  return {
    numbers,
    tensors: { '.weight': bytesOf(codes, [rows, columns], 'F8_E4M3'), [suffix]: floats(scales, shape, scaleType) },
  };
}

/** Two in a byte, the first in its lower half. */
function fourBits(codes: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: codes.length / 2 }, (_, i) => (codes[2 * i] ?? 0) + 16 * (codes[2 * i + 1] ?? 0));
}

/** `sign` is the bit of numbers below 0. */
const codesBy =
  (sizes: readonly number[], sign: number) =>
  (data: ArrayLike<number>, scaleOf: (i: number) => number): { codes: Uint8Array; numbers: Float64Array } => {
    const [codes, numbers] = [new Uint8Array(data.length), new Float64Array(data.length)];
    for (let i = 0; i < data.length; i++) {
      const value = data[i] ?? 0;
      const { code, number } = nearest(sizes, value / scaleOf(i));
      codes[i] = value < 0 ? code + sign : code;
      numbers[i] = number * scaleOf(i);
    }
    return { codes, numbers };
  };

const fourBitCodes = codesBy(fours, 8);
const eightBitCodes = codesBy(eights, 128);

const largestOf = (data: ArrayLike<number>, group: number): Float64Array =>
  Float64Array.from({ length: data.length / group }, (_, at) =>
    Math.max(...Array.from({ length: group }, (_unused, i) => Math.abs(data[at * group + i] ?? 0))),
  );

/** gpt-oss: `_blocks` [rows, columns / 32, 16] and `_scales`; compressed-tensors: `.weight_packed` and `.weight_scale`. */
export function mxfp4Matrix({ data, rows, columns }: Matrix, form: 'gpt-oss' | 'compressed-tensors'): WrittenMatrix {
  const exponents = largestOf(data, 32).map((size) => Math.floor(Math.log2(Math.max(size, 1e-30))) - 2 + 127);
  const { codes, numbers } = fourBitCodes(data, (i) => 2 ** ((exponents[Math.floor(i / 32)] ?? 127) - 127));
  const packed = fourBits(codes);
  const groups = columns / 32;
  return {
    numbers,
    tensors:
      form === 'gpt-oss'
        ? {
            _blocks: bytesOf(packed, [rows, groups, 16]),
            _scales: bytesOf(exponents, [rows, groups]),
          }
        : {
            '.weight_packed': bytesOf(packed, [rows, columns / 2]),
            '.weight_scale': bytesOf(exponents, [rows, groups]),
          },
  };
}

/** MLX's modes of floats: the numbers in words, and a scale in a byte for each group, a power of two or (nvfp4) a float8. */
export function mlxFloats({ data, rows, columns }: Matrix, mode: 'mxfp4' | 'nvfp4' | 'mxfp8'): WrittenMatrix {
  const [group, bits] = [mode === 'nvfp4' ? 16 : 32, mode === 'mxfp8' ? 8 : 4];
  const scales = largestOf(data, group).map((size) =>
    mode === 'nvfp4'
      ? nearest(eights, size / 6).code
      : Math.floor(Math.log2(Math.max(size, 1e-30))) - (bits === 8 ? 8 : 2) + 127,
  );
  const scaleOf = (i: number): number => {
    const own = scales[Math.floor(i / group)] ?? 0;
    return mode === 'nvfp4' ? (eights[own] ?? 0) : 2 ** (own - 127);
  };
  const { codes, numbers } = bits === 8 ? eightBitCodes(data, scaleOf) : fourBitCodes(data, scaleOf);
  return {
    numbers,
    tensors: {
      '.weight': bytesOf(bits === 8 ? codes : fourBits(codes), [rows, (columns * bits) / 32], 'U32'),
      '.scales': bytesOf(scales, [rows, columns / group]),
    },
  };
}

/** modelopt multiplies by `.weight_scale_2`, compressed-tensors divides by `.weight_global_scale`. */
export function nvfp4Matrix({ data, rows, columns }: Matrix, form: 'modelopt' | 'compressed-tensors'): WrittenMatrix {
  const sizes = largestOf(data, 16);
  const whole = Math.fround(Math.max(...sizes) / (6 * 448));
  const inverse = Math.fround(1 / whole);
  const scales = sizes.map((size) => nearest(eights, size / 6 / whole).code);
  const scaleOf = (i: number): number => {
    const own = eights[scales[Math.floor(i / 16)] ?? 0] ?? 0;
    return form === 'modelopt' ? own * whole : own / inverse;
  };
  const made = fourBitCodes(data, scaleOf);
  // Divided once at the end, as in its definition.
  const numbers =
    form === 'modelopt'
      ? made.numbers
      : made.numbers.map((_number, i) => {
          const code = made.codes[i] ?? 0;
          const size = (fours[code % 8] ?? 0) * (eights[scales[Math.floor(i / 16)] ?? 0] ?? 0);
          return (code > 7 ? -size : size) / inverse;
        });
  const packed = bytesOf(fourBits(made.codes), [rows, columns / 2]);
  const scale = bytesOf(scales, [rows, columns / 16], 'F8_E4M3');
  const other: Readonly<Record<string, RawTensor>> =
    form === 'modelopt'
      ? {
          '.weight': packed,
          '.weight_scale': scale,
          '.weight_scale_2': floats([whole], [], 'F32'),
          '.input_scale': floats([1], [], 'F32'),
        }
      : { '.weight_packed': packed, '.weight_scale': scale, '.weight_global_scale': floats([inverse], [1], 'F32') };
  return { numbers, tensors: other };
}

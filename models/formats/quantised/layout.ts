/**
 * How each method stores one quantised matrix of a linear map: its tensors, from which the bytes of the matrix follow. From the
 * publishers' code, December 2026.
 */
import type { Quantisation } from '../model-description';

/** How a method packs a matrix. */
type Packing =
  | 'awq'
  | 'gptq'
  | 'packed-integers'
  | 'int8'
  | 'float8'
  | 'mxfp4'
  | 'packed-mxfp4'
  | 'nvfp4'
  | 'packed-nvfp4'
  | 'bitsandbytes-4'
  | 'bitsandbytes-8'
  | 'mlx'
  | 'mlx-floats';

interface StoredPart {
  /** What follows the module's name. */
  readonly suffix: string;
  readonly dtype: 'U8' | 'I8' | 'I32' | 'U32' | 'I64' | 'F8_E4M3' | 'F16' | 'F32';
  readonly shape: readonly number[];
}

/** What decides the layout of one matrix. */
interface MatrixFormat {
  readonly packing: Packing;
  readonly bits: number;
  /** How many inputs share a scale; absent: all of a row. */
  readonly group?: number;
  /** [rows, columns] that share a scale (FP8). */
  readonly block?: readonly [number, number];
  /** The matrix has a single scale. */
  readonly wholeScale?: boolean;
  /** Each group has a zero point. */
  readonly zeroPoints?: boolean;
  /** Inputs are assigned to groups in an order of their own. */
  readonly ordered?: boolean;
  /** Scales are quantised themselves (bitsandbytes). */
  readonly nestedScales?: boolean;
  /** Activations have a scale of their own, kept with the weight. */
  readonly inputScale?: boolean;
}

const bytesOfType = { U8: 1, I8: 1, I32: 4, U32: 4, I64: 8, F8_E4M3: 1, F16: 2, F32: 4 } as const;

export const partBytes = ({ dtype, shape }: StoredPart): number =>
  shape.reduce((product, size) => product * size, bytesOfType[dtype]);

/** The tensors of one matrix, the numbers first. Scales in 16 bits are given as F16, also where they are BF16. */
export function layoutOf(format: MatrixFormat, rows: number, columns: number): readonly StoredPart[] {
  const { packing, bits, block, wholeScale = false, zeroPoints = false, ordered = false, nestedScales } = format;
  const groups = format.group === undefined || format.group <= 0 ? 1 : Math.ceil(columns / format.group);
  const part = (suffix: string, dtype: StoredPart['dtype'], ...shape: readonly number[]): StoredPart => ({
    suffix,
    dtype,
    shape,
  });
  const words = (count: number): number => Math.ceil((count * bits) / 32);
  const scaleOfInputs = format.inputScale === true ? [part('.input_scale', 'F32')] : [];
  switch (packing) {
    case 'gptq':
      return [
        part('.qweight', 'I32', words(columns), rows),
        part('.qzeros', 'I32', groups, words(rows)),
        part('.scales', 'F16', groups, rows),
        part('.g_idx', 'I32', columns),
      ];
    case 'awq':
      return [
        part('.qweight', 'I32', columns, words(rows)),
        part('.qzeros', 'I32', groups, words(rows)),
        part('.scales', 'F16', groups, rows),
      ];
    case 'packed-integers':
      return [
        part('.weight_packed', 'I32', rows, Math.ceil(columns / Math.floor(32 / bits))),
        wholeScale ? part('.weight_scale', 'F16', 1) : part('.weight_scale', 'F16', rows, groups),
        ...(zeroPoints ? [part('.weight_zero_point', 'I32', Math.ceil(rows / Math.floor(32 / bits)), groups)] : []),
        part('.weight_shape', 'I64', 2),
        ...(ordered ? [part('.weight_g_idx', 'I32', columns)] : []),
      ];
    case 'int8':
      return [
        part('.weight', 'I8', rows, columns),
        wholeScale ? part('.weight_scale', 'F16', 1) : part('.weight_scale', 'F16', rows, groups),
        ...(zeroPoints ? [part('.weight_zero_point', 'I8', rows, groups)] : []),
      ];
    case 'float8':
      return [
        part('.weight', 'F8_E4M3', rows, columns),
        block !== undefined
          ? part('.weight_scale_inv', 'F32', Math.ceil(rows / block[0]), Math.ceil(columns / block[1]))
          : wholeScale
            ? part('.weight_scale', 'F32')
            : part('.weight_scale', 'F16', rows, groups),
        ...scaleOfInputs,
      ];
    case 'mxfp4':
      return [
        part('_blocks', 'U8', rows, Math.ceil(columns / 32), 16),
        part('_scales', 'U8', rows, Math.ceil(columns / 32)),
      ];
    case 'packed-mxfp4':
      return [
        part('.weight_packed', 'U8', rows, Math.ceil(columns / 2)),
        part('.weight_scale', 'U8', rows, Math.ceil(columns / (format.group ?? 32))),
      ];
    case 'nvfp4':
      return [
        part('.weight', 'U8', rows, Math.ceil(columns / 2)),
        part('.weight_scale', 'F8_E4M3', rows, Math.ceil(columns / (format.group ?? 16))),
        part('.weight_scale_2', 'F32'),
        part('.input_scale', 'F32'),
      ];
    case 'packed-nvfp4':
      return [
        part('.weight_packed', 'U8', rows, Math.ceil(columns / 2)),
        part('.weight_scale', 'F8_E4M3', rows, Math.ceil(columns / (format.group ?? 16))),
        part('.weight_global_scale', 'F32', 1),
        ...(format.inputScale === true ? [part('.input_global_scale', 'F32', 1)] : []),
      ];
    case 'bitsandbytes-4': {
      const blocks = Math.ceil((rows * columns) / (format.group ?? 64));
      return [
        part('.weight', 'U8', Math.ceil((rows * columns) / 2), 1),
        part('.weight.absmax', nestedScales === true ? 'U8' : 'F32', blocks),
        part('.weight.quant_map', 'F32', 16),
        ...(nestedScales === true
          ? [
              part('.weight.nested_absmax', 'F32', Math.ceil(blocks / 256)),
              part('.weight.nested_quant_map', 'F32', 256),
            ]
          : []),
      ];
    }
    case 'bitsandbytes-8':
      return [part('.weight', 'I8', rows, columns), part('.SCB', 'F32', rows), part('.weight_format', 'U8')];
    case 'mlx':
      return [
        part('.weight', 'U32', rows, words(columns)),
        part('.scales', 'F16', rows, groups),
        part('.biases', 'F16', rows, groups),
      ];
    case 'mlx-floats':
      return [part('.weight', 'U32', rows, words(columns)), part('.scales', 'U8', rows, groups)];
  }
}

/** How the modules that a method quantises are packed; undefined where the layout is not known. */
export function formatOf(
  quantisation: Quantisation,
  bits: number,
  groupSize = quantisation.groupSize,
): MatrixFormat | undefined {
  const { method, algorithm = '', blockSize, symmetric, bits: usual, whole = false, nestedScales } = quantisation;
  const group = groupSize === undefined || groupSize <= 0 ? {} : { group: groupSize };
  const usualBits = bits === (usual ?? bits);
  const [first, second] = blockSize ?? [];
  if (usualBits && first !== undefined && second !== undefined && first > 0 && second > 0 && bits === 8)
    return { packing: 'float8', bits, block: [first, second] };
  if (method === 'mlx') return { packing: /^(affine)?$/i.test(algorithm) ? 'mlx' : 'mlx-floats', bits, ...group };
  if (/compressed-tensors/i.test(method)) {
    const inputScale = quantisation.inputScale === true;
    if (/nvfp4/i.test(algorithm)) return { packing: 'packed-nvfp4', bits, ...group, inputScale };
    if (/mxfp4/i.test(algorithm)) return { packing: 'packed-mxfp4', bits, ...group };
    const float = /float/i.test(algorithm);
    return {
      packing:
        float && bits === 8 ? 'float8' : /^int-quantized$/i.test(algorithm) && bits === 8 ? 'int8' : 'packed-integers',
      bits,
      ...group,
      wholeScale: whole,
      zeroPoints: symmetric === false,
      ordered: quantisation.ordered === true,
    };
  }
  if (/nvfp4/i.test(algorithm) || (/modelopt/i.test(method) && bits === 4))
    return { packing: 'nvfp4', bits: 4, ...group };
  if (/mxfp/i.test(method) || /mxfp/i.test(algorithm)) return bits === 4 ? { packing: 'mxfp4', bits } : undefined;
  // Experts in FP4 beside FP8 blocks (DeepSeek-V4).
  if (bits === 4 && usual === 8) return { packing: 'packed-mxfp4', bits, ...group };
  if (/bitsandbytes|bnb/i.test(method)) {
    return bits === 4
      ? { packing: 'bitsandbytes-4', bits, nestedScales: nestedScales === true }
      : { packing: 'bitsandbytes-8', bits };
  }
  if (/^(modelopt|fp8)$/i.test(method) && bits === 8)
    return { packing: 'float8', bits, wholeScale: true, inputScale: true };
  if (/fp8/i.test(method) && bits === 8) return { packing: 'float8', bits };
  if (/awq/i.test(method)) return { packing: 'awq', bits, ...group };
  if (/gptq|auto-round/i.test(method)) return { packing: /awq/i.test(algorithm) ? 'awq' : 'gptq', bits, ...group };
  return undefined;
}

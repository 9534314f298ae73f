/**
 * Matrices that MLX quantised: integers with a scale and a bias for each group, or floats of 4 and 8 bits with a scale for each group
 * (`mode`). From mlx/backend/cpu/quantized.cpp (December 2026).
 */
import type { Quantisation } from '../model-description';
import type { NumberFormat } from '../number-formats/number-format';
import { float8 } from './float8';
import { integerFormat } from './integer-matrix';
import { QuantisedWeightsError, type ModuleParts, type PartTensor } from './module-parts';
import { mxfp4 } from './mxfp4';
import { nvfp4 } from './nvfp4';
import { numbersOf } from './part-bytes';
import { axes, groupOf, type QuantisedMatrix } from './quantised-matrix';
import { rowCodes, scalesOf, type RowMatrix } from './row-integers';
import { stackOf } from './stacked-experts';

/** Each mode of floats has one number of bits and one size of groups. */
const floatModes = {
  mxfp4: { bits: 4, group: 32 },
  nvfp4: { bits: 4, group: 16 },
  mxfp8: { bits: 8, group: 32 },
} as const;

const floatMode = (mode: string): keyof typeof floatModes | undefined =>
  (Object.keys(floatModes) as (keyof typeof floatModes)[]).find((name) => name === mode.toLowerCase());

export const isMlxMode = (mode: string): boolean => /^(affine)?$/i.test(mode) || floatMode(mode) !== undefined;

export async function mlxMatrix<T extends PartTensor>(
  parts: ModuleParts<T>,
  codes: T,
  quantisation: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const [rows, width] = axes(parts, codes);
  const scales = parts.need('.scales');
  const names = [parts.module, stackOf(parts.module)];
  const own = quantisation.own?.find(({ module }) => names.includes(module));
  const mode = own?.mode ?? (own ? 'affine' : (quantisation.algorithm ?? 'affine'));
  const floats = floatMode(mode);
  if (!isMlxMode(mode)) {
    throw new QuantisedWeightsError(
      `${parts.module} is quantised in the mode ${mode}, which Headscope does not read. It reads affine, mxfp4, nvfp4 and mxfp8: use the unquantised checkpoint.`,
    );
  }
  const bits = own?.bits ?? quantisation.bits ?? (floats ? floatModes[floats].bits : 4);
  const group = own?.groupSize ?? quantisation.groupSize ?? (floats ? floatModes[floats].group : 64);
  const columns = Math.floor((width * 32) / bits);
  if (columns % group !== 0) groupOf(parts, { ...quantisation, groupSize: group }, columns);
  const why = `${columns} inputs of ${bits} bits in groups of ${group}`;
  parts.requireShape(scales, [rows, columns / group], why);
  if (floats) {
    const needed = floatModes[floats];
    if (bits !== needed.bits || group !== needed.group) {
      throw new QuantisedWeightsError(
        `The config gives ${parts.module} ${bits} bits in groups of ${group}, but ${floats} has ${needed.bits} bits in groups of ${needed.group}. Correct the config, or fetch the weights that belong to it.`,
      );
    }
    parts.requireType(scales, 'U8');
    const format = {
      mxfp4: () => mxfp4({ rows, columns }),
      nvfp4: () => nvfp4({ rows, columns, group }),
      mxfp8: () => float8({ rows, columns, block: [1, group], scaleType: 'U8', name: 'MXFP8' }),
    }[floats]();
    return { shape: [rows, columns], format, parts: { codes, scales } };
  }
  const biases = parts.need('.biases');
  parts.requireShape(biases, [rows, columns / group], why);
  parts.requireType(biases, scales.dtype);
  await parts.requireNumbers(scales);
  await parts.requireNumbers(biases);
  return {
    shape: [rows, columns],
    format: mlxAffine({ rows, columns, bits, group, scaleType: scales.dtype }),
    parts: { codes, scales, biases },
  };
}

/** A number is scale x code + bias, with codes of 2 to 8 bits in one stream for each row. */
export function mlxAffine(matrix: RowMatrix): NumberFormat {
  const { rows, columns, bits, group, scaleType } = matrix;
  return integerFormat({
    ...{ name: `MLX ${bits}-bit`, rows, columns, bits, group },
    recipe: { maker: 'mlx', of: matrix },
    byRow: ['codes', 'scales', 'biases'],
    zeroPoints: 'none',
    codes: rowCodes(columns, bits),
    scales: scalesOf(columns, matrix),
    minima: ({ parts }) => numbersOf(parts['biases']!, scaleType).map((bias) => -bias),
  });
}

/**
 * The quantised matrices of a checkpoint, by the names that the model gives them: `a.b.weight` for what lies in `a.b.qweight`,
 * `a.b.scales` and so on. The stored tensors decide; a config that contradicts them is refused, and so are scales that are not numbers.
 */
import type { Quantisation } from '../model-description';
import { awqMatrix } from './awq';
import { awqRowMatrix } from './awq-gemv';
import { tableMatrix } from './bitsandbytes';
import { int8Matrix } from './bitsandbytes-int8';
import { byteMatrix, packedMatrix } from './compressed-integers';
import { float8Matrix } from './float8';
import { gptqMatrix } from './gptq';
import { mlxMatrix } from './mlx';
import { modulesOf, QuantisedWeightsError, type ModuleParts, type PartTensor } from './module-parts';
import { expertMatrices, mxfp4Matrix } from './mxfp4';
import { nvfp4Matrix } from './nvfp4';
import type { QuantisedMatrix } from './quantised-matrix';

export interface QuantisedTensor<T extends PartTensor> extends QuantisedMatrix<T> {
  readonly name: string;
}

/** `bytesOf` reads a whole tensor: orders and states, and scales up to `checkedBytes` in all, to refuse those that are no numbers. */
export async function quantisedTensors<T extends PartTensor>(
  quantisation: Quantisation,
  tensors: Iterable<T>,
  bytesOf: (tensor: T) => Promise<Uint8Array>,
  checkedBytes?: number,
): Promise<readonly QuantisedTensor<T>[]> {
  const found: QuantisedTensor<T>[] = [];
  for (const parts of modulesOf(tensors, bytesOf, checkedBytes).values()) {
    if (!parts.isQuantised) continue;
    const blocks = parts.get('_blocks');
    found.push(
      blocks
        ? { name: parts.module, ...(await expertMatrices(parts, blocks)) }
        : { name: `${parts.module}.weight`, ...(await matrixOf(parts, quantisation)) },
    );
  }
  return found;
}

async function matrixOf<T extends PartTensor>(
  parts: ModuleParts<T>,
  quantisation: Quantisation,
): Promise<QuantisedMatrix<T>> {
  const weight = parts.get('.weight');
  if (parts.get('.qweight') && /^gemv$/i.test(quantisation.form ?? '')) return awqRowMatrix(parts, quantisation);
  if (parts.get('.qweight'))
    return isAwq(quantisation) ? awqMatrix(parts, quantisation) : gptqMatrix(parts, quantisation);
  const packed = parts.get('.weight_packed');
  if (packed && packed.dtype !== 'U8') return packedMatrix(parts, packed, quantisation);
  if (packed ?? (weight?.dtype === 'U8' && parts.get('.weight_scale_2'))) {
    const codes = packed ?? parts.need('.weight');
    const whole = parts.get('.weight_scale_2') ?? parts.get('.weight_global_scale');
    return whole ? nvfp4Matrix(parts, codes, whole, quantisation) : mxfp4Matrix(parts, codes);
  }
  if (parts.get('.weight.absmax')) return tableMatrix(parts);
  if (weight?.dtype === 'U32') return mlxMatrix(parts, weight, quantisation);
  if (weight?.dtype === 'I8')
    return parts.get('.SCB') ? int8Matrix(parts, weight) : byteMatrix(parts, weight, quantisation);
  if (weight?.dtype === 'F8_E4M3') return float8Matrix(parts, weight, quantisation);
  const shown = weight ?? parts.tensors[0];
  throw new QuantisedWeightsError(
    `${shown?.name ?? parts.module} is stored as ${shown?.dtype ?? 'nothing'}, in a form that Headscope does not read. Use the unquantised checkpoint.`,
  );
}

const isAwq = ({ method, algorithm = '' }: Quantisation): boolean => /awq/i.test(method) || /awq/i.test(algorithm);

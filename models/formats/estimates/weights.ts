import type { ModelDescription, Quantisation } from '../model-description';
import { expectedTensors } from '../tensors/expected-tensors';
import type { ExpectedTensor } from '../tensors/tensor-table';
import { elementsOf } from '../tensors/tensor-table';
import type { Estimate } from './estimate';
import { dtypeBytes, sum } from './estimate';

/** Bits that scales and zero points add to each weight, as the methods store them. */
function overheadBits(quantisation: Quantisation, bits: number): number {
  const { method, groupSize, blockSize, symmetric } = quantisation;
  if (blockSize !== undefined && blockSize.length > 0) {
    return 32 / blockSize.reduce((product, size) => product * Math.max(1, size), 1);
  }
  if (/mxfp/i.test(method)) return 8 / 32;
  if (/bitsandbytes|bnb/i.test(method)) return bits === 4 ? 32 / 64 : 0;
  if (groupSize === undefined || groupSize <= 0) return 0;
  const zeroPoint = symmetric === true ? 0 : bits;
  return (16 + (/gptq|awq|auto-round/i.test(method) ? zeroPoint : 0)) / groupSize;
}

const quantised = new Set<ExpectedTensor['group']>(['attention', 'mixer', 'mlp', 'experts']);

/** `re:` begins a pattern (compressed-tensors); other entries name a module or a part of its name. */
export function isExcluded(pattern: string, excluded: readonly string[]): boolean {
  return excluded.some((entry) => {
    if (!entry.startsWith('re:')) return pattern.includes(entry.replaceAll('*', ''));
    const source = entry.slice(3);
    // Patterns come from a file: long ones, or ones with nested repetition, could take for ever.
    if (source.length > 200 || /[*+}][)\]]*[*+{]/.test(source)) return false;
    try {
      return new RegExp(source).test(pattern);
    } catch {
      return false;
    }
  });
}

/** Bits of one weight of a tensor as stored: its number, and its share of scales and zero points where it is quantised. */
export function storedBits(
  tensor: Pick<ExpectedTensor, 'shape' | 'group' | 'pattern'>,
  { dtype, quantisation }: Pick<ModelDescription, 'dtype' | 'quantisation'>,
): { readonly bits: number; readonly scaleBits: number; readonly quantised: boolean } {
  const bits = quantisation?.bits;
  const shrinks =
    quantisation !== undefined &&
    bits !== undefined &&
    tensor.shape.length >= 2 &&
    quantised.has(tensor.group) &&
    (!/mxfp4/i.test(quantisation.method) || tensor.group === 'experts') &&
    !isExcluded(tensor.pattern, quantisation.excluded);
  return shrinks
    ? { bits, scaleBits: overheadBits(quantisation, bits), quantised: true }
    : { bits: 8 * dtypeBytes(dtype).bytes, scaleBits: 0, quantised: false };
}

/** Bytes of the weights as stored, from the config alone; undefined when the tensors are not known. */
export function weightBytes(model: ModelDescription): Estimate | undefined {
  const tensors = expectedTensors(model);
  if (tensors === undefined) return undefined;
  const number = dtypeBytes(model.dtype);
  const { quantisation } = model;
  const bits = quantisation?.bits;
  let plain = 0;
  let packed = 0;
  let scales = 0;
  for (const tensor of tensors) {
    const count = elementsOf(tensor);
    const stored = storedBits(tensor, model);
    if (!stored.quantised) plain += (count * stored.bits) / 8;
    else {
      packed += (count * stored.bits) / 8;
      scales += (count * stored.scaleBits) / 8;
    }
  }
  const split = [
    { name: `weights in ${model.dtype ?? 'float32'}`, value: plain },
    { name: `weights in ${bits ?? 0} bits`, value: packed },
    { name: 'scales and zero points', value: scales },
  ].filter(({ value }) => value > 0);
  return {
    value: Math.round(sum(split)),
    unit: 'bytes',
    formula: quantisation === undefined ? 'parameters x bytes' : 'sum over tensors of elements x (bits + scales) / 8',
    assumptions: [
      number.assumption,
      ...(quantisation === undefined
        ? []
        : [
            `${quantisation.method}: matrices of attention and networks; embedding, head, router and norms stay as they are`,
          ]),
    ],
    split,
  };
}

import type { ModelDescription, Quantisation } from '../model-description';
import { expectedTensors } from '../expected-tensors';
import type { ExpectedTensor } from '../tensors/tensor-table';
import { elementsOf, isMatrix } from '../tensors/tensor-table';
import type { Estimate } from './estimate';
import { dtypeBytes, sum } from './estimate';

/**
 * Bits that scales and zero points add to each weight, as the methods store them: FP8 blocks have a float32 scale each, MXFP4 an
 * 8-bit one for 32 weights, NVFP4 an 8-bit one for 16, bitsandbytes a float32 one for 64, the others a 16-bit one a group.
 */
function overheadBits(quantisation: Quantisation, bits: number, groupSize = quantisation.groupSize): number {
  const { method, algorithm = '', blockSize, symmetric, bits: usual } = quantisation;
  // Experts in FP4 beside FP8 blocks (DeepSeek-V4) have scales of their own.
  const blocks = blockSize !== undefined && blockSize.length > 0 && bits === (usual ?? bits);
  if (blocks) return 32 / blockSize.reduce((product, size) => product * Math.max(1, size), 1);
  if (/nvfp4/i.test(algorithm) || (/modelopt/i.test(method) && bits === 4)) return 8 / (groupSize ?? 16);
  if (/mxfp/i.test(method) || /mxfp/i.test(algorithm)) return 8 / 32;
  if (bits === 4 && usual === 8) return 8 / (groupSize ?? 32);
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

/** Elements of one tensor row that are stored in `bits`, and the bits of their scales. */
interface Stored {
  readonly bits: number;
  readonly scaleBits: number;
  /** Share of the elements. */
  readonly share: number;
}

/** The module of a tensor with `*` for each number, as `Quantisation.modules` names it. */
const moduleOf = (pattern: string): string =>
  pattern.replace(/\.weight$/, '').replace(/\{layer\}|\{expert\}|(?<=\.|^)\d+(?=\.|$)/g, '*');

type StoredTensor = Pick<ExpectedTensor, 'shape' | 'group' | 'pattern' | 'layers' | 'experts'>;

/** How the elements of a tensor are stored; the rest of them are in the model's dtype. */
function storedOf(tensor: StoredTensor, quantisation: Quantisation): readonly Stored[] {
  const { modules, bits, expertBits } = quantisation;
  if (!isMatrix(tensor)) return [];
  if (modules !== undefined) {
    const module = moduleOf(tensor.pattern);
    const layers = tensor.layers?.length ?? 1;
    const itself = modules.filter(({ pattern }) => pattern === module);
    // DeepSeek-V4 in NVFP4 lists the experts of a layer as one module.
    const around = modules.filter(({ pattern }) => module.startsWith(`${pattern}.`));
    const all = layers * (itself.length > 0 ? (tensor.experts ?? 1) : 1);
    return (itself.length > 0 ? itself : around).map(({ bits: own, groupSize, count }) => ({
      bits: own,
      scaleBits: own === 4 ? 8 / (groupSize ?? 16) : 0,
      share: Math.min(1, count / all),
    }));
  }
  const own = tensor.group === 'experts' ? (expertBits ?? bits) : bits;
  const stays =
    own === undefined ||
    !quantised.has(tensor.group) ||
    (/mxfp4/i.test(quantisation.method) && tensor.group !== 'experts') ||
    isExcluded(tensor.pattern, quantisation.excluded);
  return stays ? [] : [{ bits: own, scaleBits: overheadBits(quantisation, own), share: 1 }];
}

/** Bits of one weight of a tensor as stored, on average: its number, and its share of scales and zero points. */
export function storedBits(
  tensor: StoredTensor,
  model: Pick<ModelDescription, 'dtype' | 'dtypeFrom' | 'quantisation'>,
): { readonly bits: number; readonly scaleBits: number; readonly quantised: boolean } {
  const plain = 8 * dtypeBytes(model).bytes;
  const { quantisation } = model;
  const stored = quantisation === undefined ? [] : storedOf(tensor, quantisation);
  const share = stored.reduce((total, each) => total + each.share, 0);
  const mean = (of: (each: Stored) => number): number =>
    stored.reduce((total, each) => total + each.share * of(each), 0);
  return {
    bits: mean(({ bits }) => bits) + Math.max(0, 1 - share) * plain,
    scaleBits: mean(({ scaleBits }) => scaleBits),
    quantised: stored.length > 0,
  };
}

/** Bytes of the weights as stored, from the config alone; undefined when the tensors are not known. */
export function weightBytes(model: ModelDescription): Estimate | undefined {
  const tensors = expectedTensors(model);
  if (tensors === undefined) return undefined;
  const number = dtypeBytes(model);
  const { quantisation } = model;
  let plain = 0;
  let scales = 0;
  const packed = new Map<number, number>();
  for (const tensor of tensors) {
    const count = elementsOf(tensor);
    let rest = 1;
    for (const { bits, scaleBits, share } of quantisation === undefined ? [] : storedOf(tensor, quantisation)) {
      rest -= share;
      packed.set(bits, (packed.get(bits) ?? 0) + (count * share * bits) / 8);
      scales += (count * share * scaleBits) / 8;
    }
    plain += count * Math.max(0, rest) * number.bytes;
  }
  const split = [
    { name: `weights in ${model.dtype ?? 'float32'}`, value: plain },
    ...[...packed].map(([bits, value]) => ({ name: `weights in ${bits} bits`, value })),
    { name: 'scales and zero points', value: scales },
  ].filter(({ value }) => value > 0);
  return {
    value: Math.round(sum(split)),
    unit: 'bytes',
    formula: quantisation === undefined ? 'parameters x bytes' : 'sum over tensors of elements x (bits + scales) / 8',
    assumptions: [number.assumption, ...(quantisation === undefined ? [] : [quantisedWords(quantisation)])],
    split,
  };
}

const quantisedWords = ({ method, modules, expertBits }: Quantisation): string =>
  modules === undefined
    ? `${method}: matrices of attention and networks${expertBits === undefined ? '' : ` (experts in ${expertBits} bits)`}; embedding, head, router and norms stay as they are`
    : `${method}: the modules that the file lists, each with its bits`;

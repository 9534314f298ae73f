import type { ModelDescription, PartRole, Quantisation } from '../model-description';
import { innerName } from '../compare-tensors';
import { expectedTensors, tensorNames } from '../expected-tensors';
import { formatOf, layoutOf, partBytes } from '../quantised/layout';
import type { ExpectedTensor } from '../tensors/tensor-table';
import { elementsOf, isMatrix } from '../tensors/tensor-table';
import type { Estimate } from './estimate';
import { dtypeBytes, sum } from './estimate';

const quantised = new Set<ExpectedTensor['group']>(['attention', 'mixer', 'mlp', 'experts']);

/** `re:` begins a pattern (compressed-tensors); other entries name a module or a part of its name. */
export function isExcluded(pattern: string, excluded: readonly string[]): boolean {
  return excluded.some((entry) =>
    entry.startsWith('re:')
      ? patternOf(entry.slice(3))?.test(pattern) === true
      : pattern.includes(entry.replaceAll('*', '')),
  );
}

/** Patterns come from a file: long ones, or ones with nested repetition, could take for ever. */
function patternOf(source: string, start = ''): RegExp | undefined {
  if (source.length > 200 || /[*+}][)\]]*[*+{]/.test(source)) return undefined;
  try {
    return new RegExp(start === '' ? source : `${start}(?:${source})`);
  } catch {
    return undefined;
  }
}

type Groups = NonNullable<Quantisation['groups']>;

/**
 * The group of a module: the one that names it, else one whose pattern matches the beginning of its name, else one of its class
 * (`find_name_or_class_matches` of compressed-tensors 0.13).
 */
function groupFinder(groups: Groups): (module: string) => Groups[number] | undefined {
  const targets = groups.flatMap((group) => group.targets.map((target) => ({ target, group })));
  const named = new Map(targets.map(({ target, group }) => [innerName(target), group]));
  const patterns = targets
    .filter(({ target }) => target.startsWith('re:'))
    .toSorted((one, other) => (one.target < other.target ? -1 : 1))
    .flatMap(({ target, group }) => {
      const pattern = patternOf(target.slice(3), '^');
      return pattern ? [{ pattern, group }] : [];
    });
  const ofClass = targets.find(({ target }) => target === 'Linear')?.group;
  return (module) =>
    named.get(innerName(module)) ?? patterns.find(({ pattern }) => pattern.test(module))?.group ?? ofClass;
}

/** Names of one tensor by layer and expert that are matched one by one. */
const mostNames = 100_000;

/** The same as storedOf, for several groups. */
function storedInGroups(
  tensor: StoredTensor,
  quantisation: Quantisation,
  groups: Groups,
  names: StoredNames | undefined,
): readonly Stored[] {
  if (names === undefined && !isQuantised(tensor, quantisation)) return [];
  const all = (tensor.layers?.length ?? 1) * (tensor.experts ?? 1);
  const find = groupFinder(groups);
  const counts = new Map<Groups[number], number>();
  const modules = all > mostNames ? [tensor.pattern] : tensorNames(tensor);
  let count = 0;
  for (const name of modules) {
    count += 1;
    const module = name.replace(/\.weight$/, '');
    const group = find(module);
    const isStored = names ? names.hasScales(module) : !isExcluded(module, quantisation.excluded);
    if (group?.bits !== undefined && isStored) counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  const { method, plainScales, excluded, path, algorithm } = quantisation;
  // What a group does not have is not that of the first.
  const shared = { method, plainScales, excluded, path, ...(algorithm === undefined ? {} : { algorithm }) };
  return [...counts].map(([group, own]) => ({
    ...bitsIn({ ...shared, ...group }, group.bits ?? 0, group.groupSize, tensor.shape),
    share: own / count,
  }));
}

/** Elements of one tensor row that are stored in `bits`, and the bits of their scales. */
interface Stored {
  readonly bits: number;
  readonly scaleBits: number;
  /** Share of the elements. */
  readonly share: number;
}

/** The module of a tensor with `*` for each number, as `Quantisation.modules` names it, without outer modules. */
const moduleOf = (pattern: string): string =>
  innerName(pattern.replace(/\.weight$/, '')).replace(/\{layer\}|\{expert\}|(?<=\.|^)\d+(?=\.|$)/g, '*');

type StoredTensor = Pick<ExpectedTensor, 'shape' | 'group' | 'role' | 'pattern' | 'layers' | 'experts'>;

/** Bits of an element of a matrix in a format: its own, and its share of everything kept beside the matrix. */
function bitsIn(quantisation: Quantisation, bits: number, groupSize: number | undefined, shape: readonly number[]) {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const format = formatOf(quantisation, bits, groupSize);
  if (format === undefined) {
    // The layout of this method is not known here: count a 16-bit scale for each group.
    const group = groupSize ?? quantisation.groupSize ?? 0;
    return { bits, scaleBits: group > 0 ? 16 / group : 0 };
  }
  const bytes = layoutOf(format, rows, columns).reduce((total, part) => total + partBytes(part), 0);
  // The padding of rows that do not fill whole words is counted with what is kept beside the matrix.
  return { bits, scaleBits: (8 * bytes) / Math.max(1, rows * columns) - bits };
}

const read = new Set<PartRole>(['decoder', 'encoder']);

/** Whether a method quantises a tensor that the config does not exclude. */
function isQuantised(tensor: StoredTensor, { method, groupSize = 64 }: Quantisation): boolean {
  const isText = read.has(tensor.role);
  const isLinear = tensor.group === 'experts' || (tensor.shape.length === 2 && tensor.pattern.endsWith('.weight'));
  // Every linear map and embedding of the text part whose width the groups divide.
  if (method === 'mlx') return isText && isLinear && (tensor.shape.at(-1) ?? 1) % groupSize === 0;
  // Only layers of the text part.
  if (/awq|gptq|auto-round/i.test(method) && !(isText && isLinear)) return false;
  if (/mxfp4/i.test(method) && tensor.group !== 'experts') return false;
  return quantised.has(tensor.group);
}

/** How the elements of a tensor are stored; the rest of them are in the model's dtype. */
function storedOf(tensor: StoredTensor, quantisation: Quantisation, names?: StoredNames): readonly Stored[] {
  if (!isMatrix(tensor)) return [];
  if (quantisation.groups) return storedInGroups(tensor, quantisation, quantisation.groups, names);
  const { modules = [], otherModules, bits, expertBits } = quantisation;
  const module = moduleOf(tensor.pattern);
  const layers = tensor.layers?.length ?? 1;
  const listed = modules.map((each) => ({ ...each, module: innerName(each.pattern) }));
  const itself = listed.filter((each) => each.module === module);
  // DeepSeek-V4 in NVFP4 lists the experts of a layer as one module.
  const around = listed.filter((each) => module.startsWith(`${each.module}.`));
  const all = layers * (itself.length > 0 ? (tensor.experts ?? 1) : 1);
  const stored = (itself.length > 0 ? itself : around).map(({ bits: own, groupSize, count }) => ({
    ...bitsIn(quantisation, own, groupSize, tensor.shape),
    share: Math.min(1, count / all),
  }));
  if (otherModules === 'plain') return stored;
  const own = tensor.group === 'experts' ? (expertBits ?? bits) : bits;
  if (own === undefined) return stored;
  const share =
    names?.shareOf(tensor) ??
    (isQuantised(tensor, quantisation) && !isExcluded(tensor.pattern, quantisation.excluded) ? 1 : 0);
  const rest = share - stored.reduce((total, each) => total + each.share, 0);
  return rest > 0 ? [...stored, { ...bitsIn(quantisation, own, undefined, tensor.shape), share: rest }] : stored;
}

/** Names of tensors of a checkpoint, if nothing more is known of it (an index without its files). */
class StoredNames {
  private readonly names: ReadonlySet<string>;

  constructor(names: Iterable<string>) {
    this.names = new Set([...names].map(innerName));
  }

  /** The share of matrices in this row that have scales beside them. */
  shareOf(tensor: StoredTensor): number {
    let [quantised, all] = [0, 0];
    for (const name of tensorNames(tensor)) {
      all++;
      if (this.hasScales(name.replace(/\.weight$/, ''))) quantised++;
    }
    return quantised / Math.max(1, all);
  }

  hasScales(module: string): boolean {
    const inner = innerName(module);
    return scaleSuffixes.some((suffix) => this.names.has(inner + suffix));
  }

  /** AutoGPTQ gave a bias to maps that have none in the model. */
  addedBiases(tensors: readonly ExpectedTensor[]): number {
    const known = new Set(tensors.flatMap((tensor) => [...tensorNames(tensor)].map(innerName)));
    let count = 0;
    for (const tensor of tensors) {
      if (!isMatrix(tensor) || !tensor.pattern.endsWith('.weight')) continue;
      for (const name of tensorNames(tensor)) {
        const bias = innerName(name).replace(/\.weight$/, '.bias');
        if (!known.has(bias) && this.names.has(bias)) count += tensor.shape[0] ?? 0;
      }
    }
    return count;
  }
}

const scaleSuffixes = ['.scales', '.weight_scale', '.weight_scale_inv', '.weight.absmax', '.SCB', '_scales'];

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

/**
 * Bytes of the weights as stored, from the config alone; undefined when the tensors are not known. `names`, from an index, show which
 * of them are quantised.
 */
export function weightBytes(model: ModelDescription, names?: Iterable<string>): Estimate | undefined {
  const tensors = expectedTensors(model);
  if (tensors === undefined) return undefined;
  const number = dtypeBytes(model);
  const { quantisation } = model;
  const stored = quantisation === undefined || names === undefined ? undefined : new StoredNames(names);
  let plain = (stored?.addedBiases(tensors) ?? 0) * number.bytes;
  let scales = 0;
  const packed = new Map<number, number>();
  for (const tensor of tensors) {
    const count = elementsOf(tensor);
    let rest = 1;
    for (const { bits, scaleBits, share } of quantisation === undefined ? [] : storedOf(tensor, quantisation, stored)) {
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
  method === 'mlx'
    ? 'mlx: matrices of the text part, embedding and head with them; norms stay as they are'
    : modules === undefined
      ? `${method}: matrices of attention and networks${expertBits === undefined ? '' : ` (experts in ${expertBits} bits)`}; embedding, head, router and norms stay as they are`
      : `${method}: the modules that the file lists, each with its bits`;

/** The tensors that a checkpoint keeps for one module, except its bias, and the errors if they are not what they should be. */
import { holdsNumbers, numbersOf, wordsOf } from './part-bytes';

/** A tensor as stored in a file. */
export interface PartTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly length: number;
}

export class QuantisedWeightsError extends Error {}

/** What follows the name of a module. Longer ones come first, and no other one ends in `.weight`. */
const suffixes = [
  '.weight.quant_state.bitsandbytes__nf4',
  '.weight.quant_state.bitsandbytes__fp4',
  '.weight.nested_quant_map',
  '.weight.nested_absmax',
  '.weight.quant_map',
  '.weight.absmax',
  '.weight_global_scale',
  '.weight_zero_point',
  '.weight_scale_inv',
  '.weight_scale_2',
  '.weight_packed',
  '.weight_format',
  '.weight_g_idx',
  '.weight_scale',
  '.weight_shape',
  '.qweight',
  '.qzeros',
  '.scales',
  '.biases',
  '.weight',
  '.g_idx',
  '.SCB',
  '_blocks',
  '_scales',
] as const;

export type Suffix = (typeof suffixes)[number];

const floatTypes: ReadonlySet<string> = new Set(['F64', 'F32', 'F16', 'BF16']);

/** Bytes that are still read to check them. */
interface Checks {
  left: number;
}

export class ModuleParts<T extends PartTensor> {
  private readonly parts = new Map<Suffix, T>();

  constructor(
    readonly module: string,
    private readonly bytesOf: (tensor: T) => Promise<Uint8Array>,
    private readonly checks: Checks,
  ) {}

  get(suffix: Suffix): T | undefined {
    return this.parts.get(suffix);
  }

  set(suffix: Suffix, tensor: T): void {
    this.parts.set(suffix, tensor);
  }

  get tensors(): readonly T[] {
    return [...this.parts.values()];
  }

  /** False for a weight in floats, or no weight at all. */
  get isQuantised(): boolean {
    const weight = this.get('.weight');
    const packed = this.get('.qweight') ?? this.get('.weight_packed') ?? this.get('.weight.absmax');
    const blocks = this.get('_blocks') !== undefined && this.get('_scales') !== undefined;
    return packed !== undefined || blocks || (weight !== undefined && !floatTypes.has(weight.dtype));
  }

  need(suffix: Suffix): T {
    const tensor = this.get(suffix);
    if (tensor === undefined) {
      throw new QuantisedWeightsError(
        `The weights lack ${this.module}${suffix}, so the numbers of ${this.module} are not known. Download the whole checkpoint.`,
      );
    }
    return tensor;
  }

  /** Refuses a tensor of another shape than `why` requires. */
  requireShape(tensor: T, shape: readonly number[], why: string): void {
    if (tensor.shape.join() === shape.join()) return;
    throw new QuantisedWeightsError(
      `${tensor.name} is [${tensor.shape.join(', ')}], but should be [${shape.join(', ')}] for ${why}. Correct the quantisation in the config, or fetch the weights that belong to it.`,
    );
  }

  requireType(tensor: T, ...types: readonly string[]): void {
    if (types.includes(tensor.dtype)) return;
    throw new QuantisedWeightsError(
      `${tensor.name} is stored as ${tensor.dtype}, but should be ${types.join(' or ')}. Fetch the checkpoint again, or use the unquantised one.`,
    );
  }

  /** Refuses scales or offsets that are not numbers. Those of a large checkpoint are read when their layer is opened. */
  async requireNumbers(tensor: T): Promise<void> {
    this.requireScaleType(tensor);
    this.checks.left -= tensor.length;
    if (this.checks.left >= 0) await this.numbers(tensor);
  }

  /** A table, or scales: all of them numbers. */
  async numbers(tensor: T): Promise<Float32Array> {
    this.requireScaleType(tensor);
    const numbers = numbersOf(await this.bytesOf(tensor), tensor.dtype);
    const at = numbers.findIndex((number) => !Number.isFinite(number));
    if (at >= 0) {
      const place = placeOf(at, tensor.shape);
      throw new QuantisedWeightsError(
        `${tensor.name} is ${numbers[at] ?? NaN}${place} of [${tensor.shape.join(', ')}], which is not a finite number. The file is damaged; fetch the checkpoint again.`,
      );
    }
    return numbers;
  }

  private requireScaleType(tensor: T): void {
    if (!holdsNumbers(tensor.dtype) && tensor.dtype !== 'U8') this.requireType(tensor, 'F32', 'F16', 'BF16');
  }

  /** The group of each column. */
  async groupsOf(tensor: T, groups: number, group: number): Promise<Int32Array> {
    const found = Int32Array.from(wordsOf(await this.bytesOf(tensor)));
    const at = found.findIndex((of) => of < 0 || of >= groups);
    if (at >= 0) {
      throw new QuantisedWeightsError(
        `${tensor.name} puts input ${at} into group ${found[at] ?? 0}, but ${found.length} inputs in groups of ${group} have groups 0 to ${groups - 1}. The file is damaged; fetch the checkpoint again.`,
      );
    }
    return found;
  }

  async bytes(tensor: T): Promise<Uint8Array> {
    return this.bytesOf(tensor);
  }
}

function placeOf(at: number, shape: readonly number[]): string {
  if (shape.length === 0) return '';
  const place: number[] = [];
  let rest = at;
  for (const size of shape.toReversed()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return ` at [${place.join(', ')}]`;
}

/** The tensors of a checkpoint by their module; tensors that belong to none are left out. */
export function modulesOf<T extends PartTensor>(
  tensors: Iterable<T>,
  bytesOf: (tensor: T) => Promise<Uint8Array>,
  checkedBytes = 256e6,
): ReadonlyMap<string, ModuleParts<T>> {
  const modules = new Map<string, ModuleParts<T>>();
  const checks = { left: checkedBytes };
  for (const tensor of tensors) {
    const suffix = suffixes.find((each) => tensor.name.endsWith(each));
    if (suffix === undefined) continue;
    const module = tensor.name.slice(0, -suffix.length);
    const parts = modules.get(module) ?? new ModuleParts(module, bytesOf, checks);
    parts.set(suffix, tensor);
    modules.set(module, parts);
  }
  return modules;
}

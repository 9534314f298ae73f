import type { Quantisation } from '../model-description';

export interface StoredTensor {
  readonly name: string;
  /** Absent: only an index names the tensor. */
  readonly shape?: readonly number[];
  /** As in the safetensors header: BF16, F8_E4M3, I32, … */
  readonly dtype?: string;
}

/** How a checkpoint holds one weight of the model. */
export type StoredWeight<T extends StoredTensor> =
  /** The tensor itself, or quantised element by element: its shape is the weight's. */
  | { readonly kind: 'whole'; readonly tensor: T }
  /** Packed; `outputs` (rows of the weight) where the layout says them. */
  | { readonly kind: 'packed'; readonly tensor: T; readonly outputs?: number };

/** `a.b` of `a.b.qweight`, `a.b.weight.absmax`, `a.b.weight.quant_state.bitsandbytes__nf4`, `a.b_blocks`: what every method has is a module's name in front. */
const moduleOf = /^(?<module>.+?)(?:(?:\.weight)?\.(?:quant_state\.)?(?!weight$|bias$)[^.]+|_blocks|_scales)$/;

const plainTypes: ReadonlySet<string | undefined> = new Set(['F64', 'F32', 'F16', 'BF16', undefined]);

/**
 * The weights of a checkpoint, quantised or not, by the names that the model gives them. What a quantiser left alone
 * (embeddings, norms, biases, the head, the modules it was asked to skip) is found as it is.
 */
export class StoredWeights<T extends StoredTensor> {
  /** True where integers or scales show a quantiser's hand, whatever the config says. */
  readonly isQuantised: boolean;
  /** Modules with the tensors kept for each beside its weight and bias. */
  private readonly besides = new Map<string, T[]>();

  constructor(private readonly tensors: ReadonlyMap<string, T>) {
    let isQuantised = false;
    for (const tensor of tensors.values()) {
      isQuantised ||= !plainTypes.has(tensor.dtype) && tensor.dtype !== 'I64' && tensor.dtype !== 'BOOL';
      const module = moduleOf.exec(tensor.name)?.groups?.['module'];
      if (module === undefined) continue;
      const known = this.besides.get(module);
      if (known === undefined) this.besides.set(module, [tensor]);
      else known.push(tensor);
    }
    this.isQuantised = isQuantised;
  }

  get size(): number {
    return this.tensors.size;
  }

  find(name: string, quantisation: Quantisation | undefined): StoredWeight<T> | undefined {
    const tensor = this.tensors.get(name);
    if (tensor !== undefined && plainTypes.has(tensor.dtype)) return { kind: 'whole', tensor };
    const beside = this.besides.get(name.replace(/\.weight$/, '')) ?? [];
    if (tensor !== undefined) return this.scaled(tensor, beside);
    const [first] = beside;
    return first === undefined ? undefined : this.packed(beside, first, quantisation?.plainScales === true);
  }

  /** A tensor of the weight's own name with its scales: FP8, LLM.int8 and the int8 of compressed-tensors keep the shape. */
  private scaled(tensor: T, beside: readonly T[]): StoredWeight<T> {
    const { dtype } = tensor;
    const scale = beside.find(({ name }) => /\.(weight_scale|weight_scale_inv|SCB)$/.test(name));
    // EETQ, which has `weight_scales`, turns its integers round.
    const keepsShape = dtype?.startsWith('F8') === true || dtype === 'I8';
    if (keepsShape && scale !== undefined) return { kind: 'whole', tensor };
    // NVFP4: two weights a byte along the input, and scales of eight bits.
    const isFp4 = dtype === 'U8' && scale?.dtype?.startsWith('F8') === true;
    return { kind: 'packed', tensor, ...(isFp4 ? rows(tensor) : {}) };
  }

  /** Only tensors in the method's own layout. */
  private packed(beside: readonly T[], first: T, plainScales: boolean): StoredWeight<T> {
    const packed = beside.find(({ name }) => name.endsWith('.weight_packed'));
    // compressed-tensors packs along the input.
    if (packed !== undefined) return { kind: 'packed', tensor: packed, ...rows(packed) };
    const scales = beside.find(({ name }) => name.endsWith('.scales'));
    const outputs = scales?.shape?.length === 2 && plainScales ? scales.shape[1] : undefined;
    return scales === undefined || outputs === undefined
      ? { kind: 'packed', tensor: first }
      : { kind: 'packed', tensor: scales, outputs };
  }
}

const rows = ({ shape }: StoredTensor): { readonly outputs?: number } =>
  shape?.length === 2 && shape[0] !== undefined ? { outputs: shape[0] } : {};

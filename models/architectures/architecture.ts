/** What one family file offers: from a described part and the names of the stored tensors to a ModelSpec. */
import type { ModelDescription, ModelPart } from '../formats/model-description';
import { ModelError, type ModelSpec } from './model-spec';
import type { Activation, Linear, Norm } from './weights-spec';
import type { StoredWeights } from './stored-weights';

/** How a family of one's own calls tensors that the rows know under other names: `{layer}` stands for the number of a layer. */
interface Called {
  readonly rename?: (name: string) => string;
  readonly layer?: number;
  /** The value of `{part}`: which part of a stored layer this is. */
  readonly partOfLayer?: number;
}

export interface ArchitectureInput extends Pick<Called, 'rename'> {
  readonly model: ModelDescription;
  readonly part: ModelPart;
  readonly weights: StoredWeights;
  /** Names of all stored tensors start with this where the part sits inside a larger model, e.g. `language_model.`. */
  readonly prefix: string;
  /** The same for the language head, which some multimodal checkpoints keep outside of the language model. */
  readonly headPrefix?: string;
  /** Width of the rows that cross-attention reads; absent: nothing is given to read, and there is none. */
  readonly sourceWidth?: number;
}

export interface Architecture {
  /** Family ids of models/formats that this file computes. */
  readonly families: readonly string[];
  /** Throws ModelError with one sentence where the checkpoint cannot be computed. */
  readonly specify: (input: ArchitectureInput) => ModelSpec;
}

/** Names of stored tensors below a root, with biases taken where the checkpoint has them. */
export class Names {
  constructor(
    private readonly weights: StoredWeights,
    private readonly root: string,
    private readonly called: Called = {},
  ) {}

  /** The first of `roots` under which `probe` is stored; checkpoints of one family carry different prefixes. */
  static find(input: ArchitectureInput, roots: readonly string[], probe: string): Names {
    const all = roots.map((root) => new Names(input.weights, `${input.prefix}${root}`, input));
    const found = all.find((names) => names.has(probe));
    if (found) return found;
    throw new ModelError(`The checkpoint has no tensor "${all[0]?.name(probe)}", so its layers cannot be found.`);
  }

  has(name: string): boolean {
    return this.weights.find(this.name(name)) !== undefined;
  }

  /** As it is stored. */
  shape(name: string): readonly number[] {
    return this.weights.find(this.name(name))?.shape ?? [];
  }

  /** Without the last part of the root. */
  above(): Names {
    return new Names(this.weights, this.root.replace(/[^.]*\.$/, ''), this.called);
  }

  at(path: string): Names {
    return new Names(this.weights, this.root + path, this.called);
  }

  /** One layer, or a part of one; `path` holds `{layer}`. */
  layer(index: number, path: string, partOfLayer = 0): Names {
    return new Names(this.weights, this.root + path, { ...this.called, layer: index, partOfLayer });
  }

  name(name: string): string {
    const { rename, layer, partOfLayer = 0 } = this.called;
    const whole = this.root + name;
    const own = rename ? rename(whole) : whole;
    return layer === undefined ? own : own.replace('{layer}', String(layer)).replace('{part}', String(partOfLayer));
  }

  linear(
    name: string,
    inputs: number,
    outputs: number,
    fused?: { readonly firstRow: number; readonly storedRows: number },
  ): Linear {
    const bias = `${name}.bias`;
    return {
      weight: this.name(`${name}.weight`),
      bias: this.has(bias) ? this.name(bias) : undefined,
      inputs,
      outputs,
      stored: 'outputs-inputs',
      ...(fused ?? {}),
    };
  }

  rms(name: string, size: number, epsilon: number, gainOffset?: 1): Norm {
    return {
      kind: 'rms',
      weight: this.name(`${name}.weight`),
      size,
      epsilon,
      ...(gainOffset === undefined ? {} : { gainOffset }),
    };
  }

  /** Without `affine` the norm has no weights of its own. */
  layerNorm(name: string, size: number, epsilon: number, affine = true): Norm {
    if (!affine) return { kind: 'layer', size, epsilon };
    const bias = `${name}.bias`;
    return {
      kind: 'layer',
      weight: this.name(`${name}.weight`),
      bias: this.has(bias) ? this.name(bias) : undefined,
      size,
      epsilon,
    };
  }
}

/**
 * The output projection: a tensor of its own, or the embedding where the two are tied. A class without a head (`LlamaModel`) stores
 * none where they are not tied, and its run ends with the last residual stream. `apart`: they are not tied, whatever the file says.
 */
export function vocabularyHead(
  input: ArchitectureInput,
  name: string,
  embedding: string,
  vocabulary: number,
  width: number,
  apart = false,
): { readonly vocabulary?: Linear } {
  const { weights, model } = input;
  const own = new Names(weights, input.headPrefix ?? input.prefix, input).linear(name, width, vocabulary);
  const stored = weights.find(own.weight) !== undefined;
  const tied = model.tiedEmbeddings.value && !apart;
  if (!stored && !tied) return {};
  return { vocabulary: { ...own, weight: tied ? embedding : own.weight } };
}

export function vocabularyOf(part: ModelPart): number {
  if (!part.vocabularySize) throw new ModelError('The config names no vocab_size, which the embedding needs.');
  return part.vocabularySize;
}

export function epsilonOf(part: ModelPart): number {
  return part.norm.epsilon ?? (part.norm.kind === 'rms' ? 1e-6 : 1e-5);
}

/** Activation names of configs (transformers ACT2FN) as ours. */
export function activationOf(name: string | undefined): Activation {
  switch (name) {
    case 'silu':
    case 'swish':
      return 'silu';
    case 'gelu':
    case 'gelu_python':
      return 'gelu';
    case 'gelu_new':
    case 'gelu_pytorch_tanh':
    case 'gelu_fast':
    case 'gelu_accurate':
      return 'gelu-tanh';
    case 'quick_gelu':
      return 'quick-gelu';
    case 'relu':
      return 'relu';
    case 'relu2':
      return 'squared-relu';
    case undefined:
    default:
      throw new ModelError(`The activation "${name ?? 'absent'}" is not one that Headscope computes.`);
  }
}

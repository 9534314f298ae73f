/** What one family file offers: from a described part and the names of the stored tensors to a ModelSpec. */
import type { ModelDescription, ModelPart } from '../formats/model-description';
import { ModelError, type Activation, type Linear, type ModelSpec, type Norm } from './model-spec';
import type { StoredWeights } from './stored-weights';

export interface ArchitectureInput {
  readonly model: ModelDescription;
  readonly part: ModelPart;
  readonly weights: StoredWeights;
  /** Names of all stored tensors start with this where the part sits inside a larger model, e.g. `language_model.`. */
  readonly prefix: string;
  /** The same for the language head, which some multimodal checkpoints keep outside of the language model. */
  readonly headPrefix?: string;
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
    readonly root: string,
  ) {}

  /** The first of `roots` under which `probe` is stored; checkpoints of one family carry different prefixes. */
  static find(input: ArchitectureInput, roots: readonly string[], probe: string): Names {
    for (const root of roots) {
      if (input.weights.find(`${input.prefix}${root}${probe}`))
        return new Names(input.weights, `${input.prefix}${root}`);
    }
    throw new ModelError(
      `The checkpoint has no tensor "${input.prefix}${roots[0] ?? ''}${probe}", so its layers cannot be found.`,
    );
  }

  has(name: string): boolean {
    return this.weights.find(this.root + name) !== undefined;
  }

  at(path: string): Names {
    return new Names(this.weights, this.root + path);
  }

  name(name: string): string {
    return this.root + name;
  }

  linear(
    name: string,
    inputs: number,
    outputs: number,
    fused?: { readonly firstRow: number; readonly storedRows: number },
  ): Linear {
    const bias = `${name}.bias`;
    return {
      weight: `${this.root}${name}.weight`,
      bias: this.has(bias) ? this.root + bias : undefined,
      inputs,
      outputs,
      stored: 'outputs-inputs',
      ...(fused ?? {}),
    };
  }

  rms(name: string, size: number, epsilon: number, gainOffset?: 1): Norm {
    return {
      kind: 'rms',
      weight: `${this.root}${name}.weight`,
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
      weight: `${this.root}${name}.weight`,
      bias: this.has(bias) ? this.root + bias : undefined,
      size,
      epsilon,
    };
  }
}

/**
 * The output projection: a tensor of its own, or the embedding where the two are tied. A class without a head (`LlamaModel`) stores
 * none where they are not tied, and its run ends with the last residual stream.
 */
export function vocabularyHead(
  input: ArchitectureInput,
  candidates: readonly string[],
  embedding: string,
  vocabulary: number,
  width: number,
): { readonly vocabulary?: Linear } {
  const own = candidates
    .map((name) => `${input.headPrefix ?? input.prefix}${name}`)
    .find((name) => input.weights.find(`${name}.weight`));
  const bias = own === undefined ? undefined : `${own}.bias`;
  const tied = input.model.tiedEmbeddings.value;
  if (own === undefined && !tied) return {};
  return {
    vocabulary: {
      weight: own === undefined || tied ? embedding : `${own}.weight`,
      bias: bias !== undefined && input.weights.find(bias) ? bias : undefined,
      inputs: width,
      outputs: vocabulary,
      stored: 'outputs-inputs',
    },
  };
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
    case undefined:
    default:
      throw new ModelError(`The activation "${name ?? 'absent'}" is not one that Headscope computes.`);
  }
}

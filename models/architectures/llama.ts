/**
 * The llama layout: pre-norm RMS, rotary attention with grouped keys, SwiGLU. Shared by Llama 1 to 3, TinyLlama, SmolLM, Yi,
 * Mistral, Granite's plain cousins and, with biases or norms on query and key, Qwen 2 and 3 (files of their own).
 */
import { mixtureKey, readMixture, type LayerMixture } from '../formats/config/head-mixture';
import type { Layer, ModelPart } from '../formats/model-description';
import {
  activationOf,
  epsilonOf,
  Names,
  vocabularyHead,
  vocabularyOf,
  type Architecture,
  type ArchitectureInput,
} from './architecture';
import { ModelError, type Activation, type AttentionSpec, type BlockSpec, type ModelSpec } from './model-spec';

/** What a cousin of the layout changes. */
export interface LlamaVariant {
  readonly embeddingScale?: (part: ModelPart) => number;
  readonly gainOffset?: 1;
  readonly scale?: (part: ModelPart, layer: Layer) => number;
  /** Norms over each head of query and key. */
  readonly headNorms?: boolean;
  /** Norms before and after both branches (Gemma 2 and 3). */
  readonly fourNorms?: boolean;
  /** The names of fused projections (Phi-3). */
  readonly fused?: boolean;
  readonly activation?: (part: ModelPart) => Activation;
  /** In place of grouped-query attention. */
  readonly attention?: (part: ModelPart, layer: Layer, at: Names) => AttentionSpec;
}

export function specifyLlama(input: ArchitectureInput, variant: LlamaVariant = {}): ModelSpec {
  const { part } = input;
  const mixture = readMixture(
    part.fields[mixtureKey]?.value,
    part.layers.map(({ attention }) => attention.heads),
  );
  if (typeof mixture === 'string') throw new ModelError(`${mixture} Correct the config.`);
  const names = Names.find(input, ['model.', '', 'transformer.'], 'embed_tokens.weight');
  const vocabulary = vocabularyOf(part);
  const epsilon = epsilonOf(part);
  const rms = (at: Names, name: string, size = part.hiddenSize) => at.rms(name, size, epsilon, variant.gainOffset);
  return {
    family: part.family,
    hiddenSize: part.hiddenSize,
    embedding: {
      tokens: names.name('embed_tokens.weight'),
      vocabulary,
      width: part.hiddenSize,
      ...(variant.embeddingScale ? { scale: variant.embeddingScale(part) } : {}),
    },
    blocks: part.layers.map((layer) => {
      const at = names.at(`layers.${layer.index}.`);
      return {
        index: layer.index,
        parallel: false,
        attention:
          variant.attention?.(part, layer, at.at('self_attn.')) ??
          attentionOf(part, layer, at.at('self_attn.'), variant, epsilon, mixture?.[layer.index]),
        feedForward: feedForwardOf(part, layer, at.at('mlp.'), variant),
        attentionNorms: {
          input: rms(at, 'input_layernorm'),
          ...(variant.fourNorms ? { output: rms(at, 'post_attention_layernorm') } : {}),
        },
        feedForwardNorms: variant.fourNorms
          ? { input: rms(at, 'pre_feedforward_layernorm'), output: rms(at, 'post_feedforward_layernorm') }
          : { input: rms(at, 'post_attention_layernorm') },
      } satisfies BlockSpec;
    }),
    head: {
      norm: rms(names, 'norm'),
      ...vocabularyHead(input, ['lm_head'], names.name('embed_tokens.weight'), vocabulary, part.hiddenSize),
      ...(part.softcap?.logits === undefined ? {} : { softcap: part.softcap.logits }),
    },
    ropes: part.ropes,
    contextLength: part.contextLength,
  };
}

function attentionOf(
  part: ModelPart,
  layer: Layer,
  at: Names,
  variant: LlamaVariant,
  epsilon: number,
  routing?: LayerMixture,
): AttentionSpec {
  const { attention } = layer;
  if (attention.kind !== 'full' && attention.kind !== 'window') {
    throw new ModelError(
      `Layer ${layer.index} is of the kind "${attention.kind}", which this family does not compute.`,
    );
  }
  const { heads, kvHeads, headDim } = attention;
  const hidden = part.hiddenSize;
  const rows = (heads + 2 * kvHeads) * headDim;
  const fused = (first: number, count: number) =>
    at.linear('qkv_proj', hidden, count * headDim, { firstRow: first * headDim, storedRows: rows });
  return {
    projection: variant.fused
      ? {
          kind: 'separate',
          query: fused(0, heads),
          key: fused(heads, kvHeads),
          value: fused(heads + kvHeads, kvHeads),
        }
      : {
          kind: 'separate',
          query: at.linear('q_proj', hidden, heads * headDim),
          key: at.linear('k_proj', hidden, kvHeads * headDim),
          value: at.linear('v_proj', hidden, kvHeads * headDim),
        },
    output: at.linear('o_proj', heads * headDim, hidden),
    heads,
    kvHeads,
    headDim,
    ...(routing ? { routing } : {}),
    scale: variant.scale?.(part, layer) ?? headDim ** -0.5,
    causal: attention.causal,
    ...(attention.kind === 'window' && attention.window !== undefined
      ? { [attention.causal ? 'window' : 'around']: attention.window }
      : {}),
    ...(part.softcap?.scores === undefined ? {} : { softcap: part.softcap.scores }),
    ...(attention.rope === undefined ? {} : { rope: attention.rope }),
    ...(variant.headNorms
      ? {
          queryNorm: at.rms('q_norm', headDim, epsilon, variant.gainOffset),
          keyNorm: at.rms('k_norm', headDim, epsilon, variant.gainOffset),
        }
      : {}),
  };
}

function feedForwardOf(part: ModelPart, layer: Layer, at: Names, variant: LlamaVariant) {
  const { feedForward } = layer;
  if (feedForward.kind !== 'dense') {
    throw new ModelError(
      `Layer ${layer.index} has ${feedForward.kind === 'experts' ? 'routed experts' : 'no feed-forward network'}, which Headscope does not run yet.`,
    );
  }
  const { size } = feedForward;
  const hidden = part.hiddenSize;
  return {
    activation: variant.activation?.(part) ?? activationOf(part.activation),
    gate: variant.fused
      ? at.linear('gate_up_proj', hidden, size, { firstRow: 0, storedRows: 2 * size })
      : at.linear('gate_proj', hidden, size),
    up: variant.fused
      ? at.linear('gate_up_proj', hidden, size, { firstRow: size, storedRows: 2 * size })
      : at.linear('up_proj', hidden, size),
    down: at.linear('down_proj', size, hidden),
  };
}

export const llama: Architecture = { families: ['llama', 'mistral'], specify: (input) => specifyLlama(input) };

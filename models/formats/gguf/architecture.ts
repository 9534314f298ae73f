/** How files of one architecture of GGUF differ from checkpoints of its family, and what they have in common. */
import type { JsonObject } from '../config/config-reader';
import type { MadeTensor } from './made-tensors';
import type { Metadata } from './metadata';
import type { GgufPlace } from './tensor-names';

export interface GgufFacts {
  readonly metadata: Metadata;
  /** Whether the file has a tensor. */
  readonly has: (tensor: string) => boolean;
  /** Its shape, the axis that changes fastest last. */
  readonly shape: (tensor: string) => readonly number[] | undefined;
}

export interface GgufArchitecture {
  /**
   * Which numbers of a head are rotated together. If the family's own class pairs halves, conversion reorders the rows of queries and
   * keys for `neighbours`, so both are exact as stored.
   */
  readonly rotation?: 'neighbours';
  /** The order in which conversion puts the rows of a joint projection of queries, keys and values that the family has head by head. */
  readonly fused?: 'queries-keys-values';
  /** Names of tensors of the model or of a layer that differ from those of most architectures (tensor-names.ts). */
  readonly names?: Readonly<Record<string, string>>;
  /** The place of a tensor by its name in a checkpoint, where names follow another pattern than those of most architectures. */
  readonly place?: (tensor: string) => GgufPlace | undefined;
  /** Tensors of the file that no model reads. */
  readonly idle?: RegExp;
  /** Tensors of a checkpoint that the file holds in another form, by their name in layer `block`. */
  readonly made?: (tensor: string, block: number, facts: GgufFacts) => MadeTensor | undefined;
  /** Matrices that the class stores input by input are made so again by `made`; elsewhere the file has them output by output. */
  readonly byInputs?: true;
  /** Tensors of the family that conversion leaves out, as no output of the model depends on them. */
  readonly dropped?: RegExp;
  /** Keys that are refused elsewhere, as they change what is computed, and which `config` takes over. */
  readonly follows?: readonly string[];
  /** What cannot be followed, as a sentence. */
  readonly refused?: (facts: GgufFacts) => string | undefined;
  /** What the header does not say, and how it is taken: sentences for inspection and results. */
  readonly assumed?: (facts: GgufFacts) => readonly string[];
  /** Keys of the config that follow from the architecture or from keys of its own. */
  readonly config?: (facts: GgufFacts) => JsonObject;
}

export const optional = (key: string, value: number | undefined): JsonObject =>
  value === undefined ? {} : { [key]: value };

export const biases = ({ has }: GgufFacts): JsonObject => ({
  attention_bias: has('blk.0.attn_q.bias') || has('blk.0.attn_output.bias'),
  mlp_bias: has('blk.0.ffn_up.bias'),
});

/** Attention and network have norms of their outputs as well as of their inputs, or the file names the norm between them so. */
export const fourNorms = { post_attention_layernorm: 'post_attention_norm' };

/** Factors of Granite's kind. */
export const graniteFactors = ({ metadata }: GgufFacts): JsonObject => ({
  ...optional('embedding_multiplier', metadata.ownNumber('embedding_scale')),
  ...optional('residual_multiplier', metadata.ownNumber('residual_scale')),
  ...optional('attention_multiplier', metadata.ownNumber('attention.scale')),
  ...optional('logits_scaling', metadata.ownNumber('logit_scale')),
});

/** Routers of DeepSeek-V3's kind. */
export const groupedRouter = ({ metadata }: GgufFacts): JsonObject => ({
  routed_scaling_factor: metadata.ownNumber('expert_weights_scale') ?? 1,
  norm_topk_prob: metadata.flag(metadata.own('expert_weights_norm')) ?? false,
  n_group: metadata.ownNumber('expert_group_count') ?? 1,
  topk_group: metadata.ownNumber('expert_group_used_count') ?? 1,
});

export const all =
  (...parts: readonly ((facts: GgufFacts) => JsonObject)[]) =>
  (facts: GgufFacts): JsonObject =>
    Object.assign({}, ...parts.map((part) => part(facts))) as JsonObject;

export const always = (keys: JsonObject) => (): JsonObject => keys;

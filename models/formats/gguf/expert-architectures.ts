/** Architectures of GGUF with routed experts whose checkpoints store them in another form, and those with latent attention. */
import type { JsonObject } from '../config/config-reader';
import {
  all,
  always,
  biases,
  graniteFactors,
  groupedRouter,
  optional,
  type GgufArchitecture,
  type GgufFacts,
} from './architecture';
import { blockCount } from './config';
import type { MadeTensor } from './made-tensors';

/** Granite stores gate and up in one tensor. Where no token is routed, the network beside the experts is the only one. */
export function graniteNetwork(tensor: string, block: number, { has }: GgufFacts): MadeTensor | undefined {
  const which = /^shared_mlp\.(input|output)_linear\.weight$/.exec(tensor)?.[1];
  if (which === undefined) return undefined;
  const end = has(`blk.${block}.ffn_down_shexp.weight`) ? '_shexp.weight' : '.weight';
  const names = which === 'output' ? ['ffn_down'] : ['ffn_gate', 'ffn_up'];
  return { parts: names.map((name) => ({ name: `blk.${block}.${name}${end}` })) };
}

/** The width of the network that all tokens share. */
export const graniteShared = ({ shape }: GgufFacts): JsonObject =>
  optional('shared_intermediate_size', (shape('blk.0.ffn_gate_shexp.weight') ?? shape('blk.0.ffn_gate.weight'))?.[0]);

/** Since April 2025 the map from the latent to keys and values is two tensors, and that of the keys is transposed for each head. */
function latentMaps(tensor: string, block: number, { has, shape }: GgufFacts): MadeTensor | undefined {
  if (tensor !== 'self_attn.kv_b_proj.weight' || has(`blk.${block}.attn_kv_b.weight`)) return undefined;
  const [keys, values] = [`blk.${block}.attn_k_b.weight`, `blk.${block}.attn_v_b.weight`];
  const [heads = 1, , width = 0] = shape(keys) ?? [];
  const [, valueWidth = 0] = shape(values) ?? [];
  return {
    parts: [{ name: keys, transposed: true }, { name: values }],
    rows: Array.from({ length: heads }, (_, head) => [
      { part: 0, first: head * width, count: width },
      { part: 1, first: head * valueWidth, count: valueWidth },
    ]).flat(),
  };
}

/** YaRN as DeepSeek has it: the logarithm of the factor also sharpens scores, by a share that the file gives times 0.1. */
function latentScaling({ metadata }: GgufFacts): JsonObject {
  const factor = metadata.ownNumber('rope.scaling.factor');
  if (metadata.text(metadata.own('rope.scaling.type')) !== 'yarn' || factor === undefined) return {};
  const share = metadata.ownNumber('rope.scaling.yarn_log_multiplier');
  const [fast, slow] = ['fast', 'slow'].map((end) => metadata.ownNumber(`rope.scaling.yarn_beta_${end}`));
  return {
    rope_scaling: {
      ...{ rope_type: 'yarn', factor },
      ...optional('original_max_position_embeddings', metadata.ownNumber('rope.scaling.original_context_length')),
      ...optional('beta_fast', fast),
      ...optional('beta_slow', slow),
      // llama.cpp takes one for the other, so that cos and sin are not lengthened. A file holds float32.
      ...(share === undefined ? {} : { mscale: rounded(10 * share), mscale_all_dim: rounded(10 * share) }),
    },
  };
}

const rounded = (value: number): number => Number(value.toPrecision(6));

const experts = ({ metadata }: GgufFacts): JsonObject => ({
  moe_num_experts: metadata.ownNumber('expert_count') ?? 0,
  moe_k: metadata.ownNumber('expert_used_count') ?? 0,
  moe_layer_start_index: metadata.ownNumber('leading_dense_block_count') ?? 0,
  moe_layer_interval: metadata.ownNumber('interleave_moe_layer_step') ?? 1,
  moe_layer_end_index: -1,
  ...optional('moe_num_shared_experts', metadata.ownNumber('expert_shared_count')),
});

/** Maverick, which has 128 experts. */
const withoutHeadNorms = 128;

export const expertArchitectures: Readonly<Record<string, GgufArchitecture>> = {
  granitemoe: {
    rotation: 'neighbours',
    made: graniteNetwork,
    config: all(biases, graniteFactors, (facts) =>
      facts.has('blk.0.ffn_gate_shexp.weight') ? { model_type: 'granitemoeshared', ...graniteShared(facts) } : {},
    ),
  },
  llama4: {
    rotation: 'neighbours',
    config: ({ metadata, has }) => ({
      ...optional('intermediate_size', metadata.ownNumber('expert_feed_forward_length')),
      ...optional('intermediate_size_mlp', metadata.ownNumber('feed_forward_length')),
      ...optional('interleave_moe_layer_step', metadata.ownNumber('interleave_moe_layer_step')),
      attention_bias: has('blk.0.attn_q.bias'),
      use_qk_norm: metadata.ownNumber('expert_count') !== withoutHeadNorms,
      ...{ attention_chunk_size: 8192, attn_temperature_tuning: true, floor_scale: 8192, attn_scale: 0.1 },
    }),
  },
  'ernie4_5-moe': {
    rotation: 'neighbours',
    config: all(experts, ({ has }) => ({ use_bias: has('blk.0.attn_q.bias') })),
  },
  'hunyuan-moe': {
    config: all(biases, ({ metadata }) => optional('moe_topk', metadata.ownNumber('expert_used_count'))),
  },
  'exaone-moe': {
    config: all(groupedRouter, ({ metadata }) => ({
      num_shared_experts: metadata.ownNumber('expert_shared_count') ?? 1,
      mlp_layer_types: Array.from({ length: blockCount(metadata) ?? 0 }, (_, block) =>
        block < (metadata.ownNumber('leading_dense_block_count') ?? 0) ? 'dense' : 'sparse',
      ),
    })),
  },
  deepseek2: {
    rotation: 'neighbours',
    made: latentMaps,
    follows: ['rope.scaling.yarn_log_multiplier'],
    config: all(
      groupedRouter,
      always({ partial_rotary_factor: 1 }),
      latentScaling,
      ({ metadata, has }): JsonObject => ({
        attention_bias: has('blk.0.attn_q_a.bias'),
        topk_method: (metadata.ownNumber('expert_group_count') ?? 1) > 1 ? 'group_limited_greedy' : 'greedy',
      }),
    ),
  },
};

/** Architectures of GGUF with recurrences or convolutions, alone or beside attention. */
import type { JsonObject } from '../config/config-reader';
import {
  all,
  biases,
  fourNorms,
  graniteFactors,
  optional,
  type GgufArchitecture,
  type GgufFacts,
} from './architecture';
import { blockCount, headWidths } from './config';
import { graniteNetwork, graniteShared } from './expert-architectures';
import type { ColumnRange, MadeTensor, RowRange } from './made-tensors';
import type { Metadata } from './metadata';

/** The file has the decay -exp(A_log) of a state. */
const decay = (tensor: string, block: number): MadeTensor | undefined =>
  tensor.endsWith('.A_log') ? { parts: [{ name: `blk.${block}.ssm_a` }], numbers: 'logarithm' } : undefined;

/** Sizes of Mamba-2: llama.cpp calls the number of heads the rank of the step. */
function heads({ metadata }: GgufFacts): { readonly count: number; readonly width: number } {
  const count = metadata.ownNumber('ssm.time_step_rank') ?? 1;
  return { count, width: (metadata.ownNumber('ssm.inner_size') ?? 0) / count };
}

const mixer = (facts: GgufFacts): JsonObject => ({
  mamba_n_heads: heads(facts).count,
  mamba_d_head: heads(facts).width,
  mamba_n_groups: facts.metadata.ownNumber('ssm.group_count') ?? 1,
  ...mixerSizes(facts),
});

const mixerSizes = ({ metadata, has }: GgufFacts): JsonObject => ({
  mamba_d_state: metadata.ownNumber('ssm.state_size') ?? 0,
  mamba_d_conv: metadata.ownNumber('ssm.conv_kernel') ?? 4,
  mamba_expand: (metadata.ownNumber('ssm.inner_size') ?? 0) / (metadata.ownNumber('embedding_length') ?? 1),
  mamba_conv_bias: blocksWith('ssm_conv1d.bias', { metadata, has }).length > 0,
  mamba_proj_bias: blocksWith('ssm_in.bias', { metadata, has }).length > 0,
});

/** The blocks that have a tensor. */
const blocksWith = (tensor: string, { metadata, has }: Pick<GgufFacts, 'metadata' | 'has'>): readonly number[] =>
  Array.from({ length: metadata.ownNumber('block_count') ?? 0 }, (_, block) => block).filter((block) =>
    has(`blk.${block}.${tensor}`),
  );

/** Each layer by whether its list of key/value heads has any. */
function kinds({ metadata }: GgufFacts, attention: string, other: string): JsonObject {
  const list = metadata.perLayer('attention.head_count_kv')?.list;
  return list === undefined ? {} : { layer_types: list.map((count) => (count > 0 ? attention : other)) };
}

const rotates = (metadata: Metadata): boolean => metadata.flag(metadata.own('rope.scaling.finetuned')) === true;

/** First of the blocks, and how far apart they are. */
function period(blocks: readonly number[], all: number): { readonly offset: number; readonly period: number } {
  const [first = all, second = first + all] = blocks;
  return { offset: first, period: second - first };
}

/** Queries, keys and values of key heads lie one after the other in a checkpoint, each with the gates of its value heads. */
function deltaMaps(tensor: string, block: number, facts: GgufFacts): MadeTensor | undefined {
  const { metadata, has } = facts;
  if (tensor !== 'linear_attn.in_proj_qkvz.weight' || has(`blk.${block}.ssm_in.weight`)) return decay(tensor, block);
  const keyHeads = metadata.ownNumber('ssm.group_count') ?? 1;
  const keyWidth = metadata.ownNumber('ssm.state_size') ?? 0;
  const values = (metadata.ownNumber('ssm.inner_size') ?? 0) / keyHeads;
  const keys = keyHeads * keyWidth;
  return {
    parts: [{ name: `blk.${block}.attn_qkv.weight` }, { name: `blk.${block}.attn_gate.weight` }],
    rows: Array.from({ length: keyHeads }, (_, head): readonly RowRange[] => [
      { part: 0, first: head * keyWidth, count: keyWidth },
      { part: 0, first: keys + head * keyWidth, count: keyWidth },
      { part: 0, first: 2 * keys + head * values, count: values },
      { part: 1, first: head * values, count: values },
    ]).flat(),
  };
}

/** Ranges of `width` rows of value heads, which the file has by their place under a key head, and a checkpoint by key head. */
function valueHeads({ metadata }: GgufFacts, width: number, offset = 0): readonly ColumnRange[] {
  const keyHeads = metadata.ownNumber('ssm.group_count') ?? 1;
  const count = metadata.ownNumber('ssm.time_step_rank') ?? keyHeads;
  const each = count / keyHeads;
  return Array.from({ length: count }, (_, head) => ({
    first: offset + ((head % each) * keyHeads + Math.floor(head / each)) * width,
    count: width,
  }));
}

/** Qwen3.5 in the order of llama.cpp's broadcasts (llama.cpp, pull request 19468, February 2026). */
function deltaHeads(tensor: string, block: number, facts: GgufFacts): MadeTensor | undefined {
  const { metadata, has } = facts;
  const module = /^linear_attn\.(.+?)(\.weight)?$/.exec(tensor)?.[1];
  const count = metadata.ownNumber('ssm.time_step_rank') ?? 1;
  const width = (metadata.ownNumber('ssm.inner_size') ?? 0) / count;
  const keys = 2 * (metadata.ownNumber('ssm.group_count') ?? 1) * (metadata.ownNumber('ssm.state_size') ?? 0);
  const inRows = (name: string, each: number, offset = 0): MadeTensor => ({
    parts: [{ name: `blk.${block}.${name}` }],
    rows: [
      ...(offset > 0 ? [{ part: 0, first: 0, count: offset }] : []),
      ...valueHeads(facts, each, offset).map((range) => ({ part: 0, ...range })),
    ],
  });
  const inColumns = (name: string, each: number): MadeTensor => ({
    parts: [{ name: `blk.${block}.${name}` }],
    columns: valueHeads(facts, each),
  });
  switch (module) {
    case 'in_proj_qkv':
      return inRows('attn_qkv.weight', width, keys);
    case 'in_proj_z':
      return inRows('attn_gate.weight', width);
    case 'in_proj_a':
      return inRows('ssm_alpha.weight', 1);
    case 'in_proj_b':
      return inRows('ssm_beta.weight', 1);
    case 'conv1d':
      return inRows('ssm_conv1d.weight', width, keys);
    case 'out_proj':
      return inColumns('ssm_out.weight', width);
    case 'dt_bias':
      return inColumns(has(`blk.${block}.ssm_dt.bias`) ? 'ssm_dt.bias' : 'ssm_dt', 1);
    case 'A_log':
      return { ...inColumns('ssm_a', 1), numbers: 'logarithm' };
    case undefined:
    default:
      return undefined;
  }
}

/** Sizes of the recurrence of Qwen3-Next and Qwen3.5. */
function delta(facts: GgufFacts): JsonObject {
  const { metadata } = facts;
  const count = metadata.ownNumber('ssm.time_step_rank') ?? 1;
  return {
    linear_num_key_heads: metadata.ownNumber('ssm.group_count') ?? 1,
    linear_key_head_dim: metadata.ownNumber('ssm.state_size') ?? 0,
    linear_num_value_heads: count,
    linear_value_head_dim: (metadata.ownNumber('ssm.inner_size') ?? 0) / count,
    linear_conv_kernel_dim: metadata.ownNumber('ssm.conv_kernel') ?? 4,
    layer_types: Array.from({ length: blockCount(metadata) ?? 0 }, (_, block) =>
      facts.has(`blk.${block}.attn_q.weight`) ? 'full_attention' : 'linear_attention',
    ),
    attention_bias: blocksWith('attn_q.bias', facts).length > 0,
    ...{ norm_topk_prob: true, decoder_sparse_step: 1, mlp_only_layers: [] },
  };
}

/** In the names of a layer with a short convolution. */
const shortConvolution: GgufArchitecture = {
  // llama.cpp writes the last norm under the name of a norm of embeddings.
  names: { embedding_norm: 'token_embd_norm' },
  config: (facts) => ({
    ...kinds(facts, 'full_attention', 'conv'),
    ...optional('norm_eps', facts.metadata.ownNumber('attention.layer_norm_rms_epsilon')),
    ...optional('conv_L_cache', facts.metadata.ownNumber('shortconv.l_cache')),
    conv_bias: blocksWith('shortconv.in_proj.bias', facts).length > 0,
    block_auto_adjust_ff_dim: false,
    num_dense_layers: facts.metadata.ownNumber('leading_dense_block_count') ?? 0,
    ...{ norm_topk_prob: true, use_expert_bias: true },
    routed_scaling_factor: facts.metadata.ownNumber('expert_weights_scale') ?? 1,
  }),
};

const ones = { embedding_multiplier: 1, lm_head_multiplier: 1, key_multiplier: 1 };

const nemotron: GgufArchitecture = {
  names: { 'mixer.fc1_latent_proj': 'ffn_latent_down', 'mixer.fc2_latent_proj': 'ffn_latent_up' },
  made: decay,
  config: (facts) => {
    const { metadata, has } = facts;
    const attends = metadata.perLayer('attention.head_count_kv')?.list ?? [];
    return {
      model_type: 'nemotron_h',
      mamba_num_heads: heads(facts).count,
      mamba_head_dim: heads(facts).width,
      n_groups: metadata.ownNumber('ssm.group_count') ?? 1,
      ssm_state_size: metadata.ownNumber('ssm.state_size') ?? 0,
      ...optional('layer_norm_epsilon', metadata.ownNumber('attention.layer_norm_rms_epsilon')),
      ...optional('norm_eps', metadata.ownNumber('attention.layer_norm_rms_epsilon')),
      layers_block_type: Array.from({ length: metadata.ownNumber('block_count') ?? 0 }, (_, block) =>
        has(`blk.${block}.ssm_in.weight`)
          ? 'mamba'
          : (attends[block] ?? 0) > 0
            ? 'attention'
            : has(`blk.${block}.ffn_gate_inp.weight`)
              ? 'moe'
              : 'mlp',
      ),
      attention_bias: blocksWith('attn_q.bias', facts).length > 0,
      mlp_bias: blocksWith('ffn_up.bias', facts).length > 0,
      use_bias: blocksWith('ssm_in.bias', facts).length > 0,
      use_conv_bias: blocksWith('ssm_conv1d.bias', facts).length > 0,
      mlp_hidden_act: 'relu2',
      ...{ mamba_proj_bias: false, partial_rotary_factor: 1 },
      ...optional('moe_shared_expert_intermediate_size', metadata.ownNumber('expert_shared_feed_forward_length')),
      ...optional('moe_latent_size', metadata.ownNumber('moe_latent_size')),
      routed_scaling_factor: metadata.ownNumber('expert_weights_scale') ?? 1,
      norm_topk_prob: metadata.flag(metadata.own('expert_weights_norm')) ?? true,
      n_group: metadata.ownNumber('expert_group_count') ?? 1,
      topk_group: metadata.ownNumber('expert_group_used_count') ?? 1,
    };
  },
};

export const recurrentArchitectures: Readonly<Record<string, GgufArchitecture>> = {
  mamba: {
    made: decay,
    config: (facts) => {
      const { metadata } = facts;
      // llama.cpp has the same epsilon for the norms inside a mixer; the class has one of its own, which no file holds.
      return {
        ...(metadata.flag(metadata.own('ssm.dt_b_c_rms')) === true ? { model_type: 'falcon_mamba' } : {}),
        ...optional('intermediate_size', metadata.ownNumber('ssm.inner_size')),
        ...optional('time_step_rank', metadata.ownNumber('ssm.time_step_rank')),
        ...optional('layer_norm_epsilon', metadata.ownNumber('attention.layer_norm_rms_epsilon')),
        use_bias: blocksWith('ssm_in.bias', facts).length > 0,
        use_conv_bias: blocksWith('ssm_conv1d.bias', facts).length > 0,
      };
    },
  },
  mamba2: {
    made: decay,
    config: (facts) => ({
      num_heads: heads(facts).count,
      head_dim: heads(facts).width,
      n_groups: facts.metadata.ownNumber('ssm.group_count') ?? 1,
      ...optional('layer_norm_epsilon', facts.metadata.ownNumber('attention.layer_norm_rms_epsilon')),
      use_bias: blocksWith('ssm_in.bias', facts).length > 0,
      use_conv_bias: blocksWith('ssm_conv1d.bias', facts).length > 0,
    }),
  },
  jamba: {
    made: decay,
    config: (facts) => {
      const blocks = facts.metadata.ownNumber('block_count') ?? 0;
      const attention = period(blocksWith('attn_q.weight', facts), blocks);
      const experts = period(blocksWith('ffn_gate_inp.weight', facts), blocks);
      return {
        ...mixerSizes(facts),
        ...optional('mamba_dt_rank', facts.metadata.ownNumber('ssm.time_step_rank')),
        ...{ attn_layer_offset: attention.offset, attn_layer_period: attention.period },
        ...{ expert_layer_offset: experts.offset, expert_layer_period: experts.period },
      };
    },
  },
  // Its factors are in the weights.
  'falcon-h1': {
    made: decay,
    config: all(mixer, biases, (facts) => ({
      ...ones,
      ...{ attention_in_multiplier: 1, attention_out_multiplier: 1, ssm_in_multiplier: 1, ssm_out_multiplier: 1 },
      ...{ mlp_multipliers: [1, 1], ssm_multipliers: [1, 1, 1, 1, 1] },
      ...optional('mamba_d_ssm', facts.metadata.ownNumber('ssm.inner_size')),
      mamba_rms_norm: facts.has('blk.0.ssm_norm.weight'),
      mamba_norm_before_gate: false,
      projectors_bias: facts.has('blk.0.ssm_out.bias'),
    })),
  },
  granitehybrid: {
    rotation: 'neighbours',
    refused: ({ metadata }) => {
      const [rotated, width] = [metadata.ownNumber('rope.dimension_count'), headWidths(metadata).key];
      if (!rotates(metadata) || rotated === undefined || rotated === width) return undefined;
      return `It rotates ${rotated} of ${width ?? 0} numbers of a head, and conversion mixed these with the others, so its numbers are not those of the checkpoint. Use the safetensors checkpoint.`;
    },
    made: (tensor, block, facts) => graniteNetwork(tensor, block, facts) ?? decay(tensor, block),
    config: all(mixer, biases, graniteFactors, graniteShared, (facts) => ({
      ...kinds(facts, 'attention', 'mamba'),
      // Bamba is converted under the same name, and Granite 4 has no positions.
      ...(rotates(facts.metadata) ? { model_type: 'bamba', partial_rotary_factor: 1 } : {}),
    })),
  },
  lfm2: shortConvolution,
  lfm2moe: shortConvolution,
  nemotron_h: nemotron,
  nemotron_h_moe: nemotron,
  qwen3next: { names: fourNorms, made: deltaMaps, config: delta },
  qwen35: { names: fourNorms, made: deltaHeads, config: delta },
  qwen35moe: { names: fourNorms, made: deltaHeads, config: delta },
};

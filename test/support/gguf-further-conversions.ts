/**
 * Conversions whose tensors are cut, joined or computed, in the layout of llama.cpp's scripts (conversion/*.py and
 * gguf-py/gguf/tensor_mapping.py, December 2026): experts of Granite and Llama 4, latent attention, further streams.
 */
import { list, u32 } from './gguf-file';
import {
  besideExperts,
  cut,
  deepValues,
  dense,
  granite,
  graniteMoe,
  halves,
  mixture,
  named,
  number,
  numberOf,
  numbers,
  ofGranite,
  routed,
  turnedInside,
  type Config,
  type Conversion,
  type Named,
  type Values,
} from './gguf-conversion-parts';
import { recurrentConversions } from './gguf-recurrent-conversions';
import type { CheckpointTensor } from './safetensors-file';

/** Keys, transposed for each head, and values apart. */
function ofLatent(name: string, tensor: CheckpointTensor, config: Config): readonly Named[] {
  if (!name.endsWith('kv_b_proj.weight')) return [[name, tensor]];
  const heads = number(config, 'num_attention_heads');
  const [key, value] = [number(config, 'qk_nope_head_dim'), number(config, 'v_head_dim')];
  const byHead = { shape: [heads, key + value, tensor.shape[1] ?? 0], data: tensor.data };
  return [
    [name.replace('kv_b', 'k_b'), turnedInside(cut(byHead, 1, 0, key))],
    [name.replace('kv_b', 'v_b'), cut(byHead, 1, key, value)],
  ];
}

const latent = {
  ...dense,
  ...routed('mlp', named),
  ...besideExperts('mlp.shared_experts'),
  'model.layers.{n}.mlp.gate.e_score_correction_bias': 'blk.{n}.exp_probs_b.bias',
  'model.layers.{n}.self_attn.q_a_proj.weight': 'blk.{n}.attn_q_a.weight',
  'model.layers.{n}.self_attn.q_b_proj.weight': 'blk.{n}.attn_q_b.weight',
  'model.layers.{n}.self_attn.q_a_layernorm.weight': 'blk.{n}.attn_q_a_norm.weight',
  'model.layers.{n}.self_attn.kv_a_proj_with_mqa.weight': 'blk.{n}.attn_kv_a_mqa.weight',
  'model.layers.{n}.self_attn.kv_a_layernorm.weight': 'blk.{n}.attn_kv_a_norm.weight',
  'model.layers.{n}.self_attn.kv_b_proj.weight': 'blk.{n}.attn_kv_b.weight',
  'model.layers.{n}.self_attn.k_b_proj.weight': 'blk.{n}.attn_k_b.weight',
  'model.layers.{n}.self_attn.v_b_proj.weight': 'blk.{n}.attn_v_b.weight',
};

const latentValues = (config: Config): Values => {
  const rope = (config['rope_parameters'] ?? {}) as Config;
  const [rank, rotary] = [number(config, 'kv_lora_rank'), number(config, 'qk_rope_head_dim')];
  const queries = numberOf(config, 'q_lora_rank');
  const key = number(config, 'qk_nope_head_dim') + rotary;
  return {
    ...deepValues(config),
    expert_gating_func: u32(config['model_type'] === 'deepseek_v2' ? 1 : 2),
    ...(config['model_type'] === 'deepseek_v2'
      ? { 'attention.key_length': u32(key), 'attention.value_length': u32(number(config, 'v_head_dim')) }
      : {
          'attention.head_count_kv': u32(1),
          'attention.key_length': u32(rank + rotary),
          'attention.value_length': u32(rank),
          'attention.key_length_mla': u32(key),
          'attention.value_length_mla': u32(number(config, 'v_head_dim')),
        }),
    'attention.kv_lora_rank': u32(rank),
    ...(queries === undefined ? {} : { 'attention.q_lora_rank': u32(queries) }),
    'rope.dimension_count': u32(rotary),
    ...(numberOf(rope, 'mscale_all_dim') === undefined
      ? {}
      : { 'rope.scaling.yarn_log_multiplier': { f32: 0.1 * number(rope, 'mscale_all_dim') } }),
  };
};

/** Layers with a window, as a list. */
const windows = (config: Config): Values => ({
  'attention.sliding_window': u32(number(config, 'sliding_window')),
  'attention.sliding_window_pattern': list(
    ...(config['layer_types'] as readonly string[]).map((type) => ({ bool: type === 'sliding_attention' })),
  ),
});

const gemma3n = {
  ...dense,
  'model.embed_tokens_per_layer.weight': 'per_layer_token_embd.weight',
  'model.per_layer_model_projection.weight': 'per_layer_model_proj.weight',
  'model.per_layer_projection_norm.weight': 'per_layer_proj_norm.weight',
  'model.altup_projections.{e}.weight': 'altup_proj.weight',
  'model.altup_unembed_projections.{e}.weight': 'altup_unembd_proj.weight',
  'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
  'model.layers.{n}.pre_feedforward_layernorm.weight': 'blk.{n}.ffn_norm.weight',
  'model.layers.{n}.post_feedforward_layernorm.weight': 'blk.{n}.post_ffw_norm.weight',
  'model.layers.{n}.per_layer_input_gate.weight': 'blk.{n}.inp_gate.weight',
  'model.layers.{n}.per_layer_projection.weight': 'blk.{n}.proj.weight',
  'model.layers.{n}.post_per_layer_input_norm.weight': 'blk.{n}.post_norm.weight',
  'model.layers.{n}.altup.correction_coefs.weight': 'blk.{n}.altup_correct_coef.weight',
  'model.layers.{n}.altup.correct_output_scale': 'blk.{n}.altup_correct_scale.weight',
  'model.layers.{n}.altup.prediction_coefs.weight': 'blk.{n}.altup_predict_coef.weight',
  'model.layers.{n}.altup.modality_router.weight': 'blk.{n}.altup_router.weight',
  'model.layers.{n}.altup.router_norm.weight': 'blk.{n}.altup_router_norm.weight',
  'model.layers.{n}.laurel.linear_left.weight': 'blk.{n}.laurel_l.weight',
  'model.layers.{n}.laurel.linear_right.weight': 'blk.{n}.laurel_r.weight',
  'model.layers.{n}.laurel.post_laurel_norm.weight': 'blk.{n}.laurel_post_norm.weight',
};

export const furtherConversions: Readonly<Record<string, Conversion>> = {
  ministral3: {
    architecture: 'mistral3',
    names: dense,
    rows: 'neighbours',
    values: (config) => {
      const rope = (config['rope_parameters'] ?? {}) as Config;
      return {
        'rope.scaling.yarn_beta_fast': { f32: number(rope, 'beta_fast') },
        'rope.scaling.yarn_beta_slow': { f32: number(rope, 'beta_slow') },
        'rope.scaling.yarn_log_multiplier': { f32: number(rope, 'mscale_all_dim') },
        'attention.temperature_scale': { f32: number(rope, 'llama_4_scaling_beta') },
      };
    },
  },
  granitemoe: {
    architecture: 'granitemoe',
    names: granite,
    rows: 'neighbours',
    changes: ofGranite,
    values: graniteMoe,
  },
  granitemoeshared: {
    architecture: 'granitemoe',
    names: granite,
    rows: 'neighbours',
    changes: ofGranite,
    values: graniteMoe,
  },
  llama4_text: {
    architecture: 'llama4',
    names: {
      ...dense,
      'model.layers.{n}.feed_forward.gate_proj.weight': 'blk.{n}.ffn_gate.weight',
      'model.layers.{n}.feed_forward.up_proj.weight': 'blk.{n}.ffn_up.weight',
      'model.layers.{n}.feed_forward.down_proj.weight': 'blk.{n}.ffn_down.weight',
      'model.layers.{n}.feed_forward.router.weight': 'blk.{n}.ffn_gate_inp.weight',
      'model.layers.{n}.feed_forward.experts.gate_proj.weight': 'blk.{n}.ffn_gate_exps.weight',
      'model.layers.{n}.feed_forward.experts.up_proj.weight': 'blk.{n}.ffn_up_exps.weight',
      'model.layers.{n}.feed_forward.experts.down_proj.weight': 'blk.{n}.ffn_down_exps.weight',
      ...besideExperts('feed_forward.shared_expert'),
    },
    changes: (name, tensor) => {
      if (name.endsWith('gate_up_proj')) {
        const [gate, up] = halves(turnedInside(tensor), 1);
        return [
          [name.replace('gate_up_proj', 'gate_proj.weight'), gate],
          [name.replace('gate_up_proj', 'up_proj.weight'), up],
        ];
      }
      return [name.endsWith('down_proj') ? [`${name}.weight`, turnedInside(tensor)] : [name, tensor]];
    },
    values: (config) => ({
      ...mixture(config),
      feed_forward_length: u32(number(config, 'intermediate_size_mlp')),
      expert_feed_forward_length: u32(number(config, 'intermediate_size')),
      interleave_moe_layer_step: u32(number(config, 'interleave_moe_layer_step')),
    }),
  },
  ernie4_5_moe: {
    architecture: 'ernie4_5-moe',
    names: {
      ...dense,
      ...routed('mlp', named),
      ...besideExperts('mlp.shared_experts'),
      'model.layers.{n}.mlp.moe_statics.e_score_correction_bias': 'blk.{n}.exp_probs_b.bias',
    },
    changes: (name, tensor) => [
      [name, /e_score/.test(name) ? { shape: [tensor.data.length], data: tensor.data } : tensor],
    ],
    values: (config) => ({
      expert_count: u32(number(config, 'moe_num_experts')),
      expert_used_count: u32(number(config, 'moe_k')),
      interleave_moe_layer_step: u32(number(config, 'moe_layer_interval')),
      leading_dense_block_count: u32(number(config, 'moe_layer_start_index')),
      expert_feed_forward_length: u32(number(config, 'moe_intermediate_size')),
      expert_shared_count: u32(number(config, 'moe_num_shared_experts')),
    }),
  },
  hunyuan_v1_moe: {
    architecture: 'hunyuan-moe',
    names: {
      ...dense,
      ...routed('mlp', named, 'gate.wg'),
      ...besideExperts('mlp.shared_mlp'),
      'model.layers.{n}.self_attn.query_layernorm.weight': 'blk.{n}.attn_q_norm.weight',
      'model.layers.{n}.self_attn.key_layernorm.weight': 'blk.{n}.attn_k_norm.weight',
    },
    values: (config) => ({
      ...mixture(config),
      expert_used_count: u32(number(config, 'moe_topk')),
      expert_feed_forward_length: u32(number(config, 'intermediate_size')),
      expert_shared_feed_forward_length: u32(number(config, 'intermediate_size')),
      expert_shared_count: u32(1),
    }),
  },
  // As files were written before April 2025, with keys and values in one tensor.
  deepseek_v2: { architecture: 'deepseek2', names: latent, values: latentValues },
  deepseek_v3: { architecture: 'deepseek2', names: latent, changes: ofLatent, values: latentValues },
  gemma3n_text: {
    architecture: 'gemma3n',
    names: gemma3n,
    changes: (name, tensor) => [[name.replace('model.language_model.', 'model.'), tensor]],
    values: (config) => ({
      ...windows(config),
      final_logit_softcapping: { f32: number(config, 'final_logit_softcapping') },
      feed_forward_length: u32(numbers(config, 'intermediate_size')[0] ?? 0),
      'attention.shared_kv_layers': u32(number(config, 'num_kv_shared_layers')),
      'altup.active_idx': u32(number(config, 'altup_active_idx')),
      'altup.num_inputs': u32(number(config, 'altup_num_inputs')),
      embedding_length_per_layer_input: u32(number(config, 'hidden_size_per_layer_input')),
      // The quantiles of the shares: of none, and of 0.95.
      activation_sparsity_scale: list(
        ...numbers(config, 'activation_sparsity_pattern').map((share) => ({
          f32: share === 0 ? -Infinity : 1.6448536269514722,
        })),
      ),
    }),
  },
  olmo3: {
    architecture: 'olmo2',
    names: {
      ...dense,
      'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
      'model.layers.{n}.post_feedforward_layernorm.weight': 'blk.{n}.post_ffw_norm.weight',
    },
    values: windows,
  },
  exaone_moe: {
    architecture: 'exaone-moe',
    names: {
      ...dense,
      ...routed('mlp', named),
      ...besideExperts('mlp.shared_experts'),
      'model.layers.{n}.mlp.e_score_correction_bias': 'blk.{n}.exp_probs_b.bias',
    },
    values: (config) => ({
      ...windows(config),
      ...deepValues(config),
      expert_count: u32(number(config, 'num_experts')),
      expert_shared_count: u32(number(config, 'num_shared_experts')),
    }),
  },
  phimoe: {
    architecture: 'phimoe',
    names: {
      ...dense,
      ...routed('block_sparse_moe', ['w1', 'w3', 'w2']),
      'model.norm.bias': 'output_norm.bias',
      'model.layers.{n}.input_layernorm.bias': 'blk.{n}.attn_norm.bias',
      'model.layers.{n}.post_attention_layernorm.bias': 'blk.{n}.ffn_norm.bias',
    },
    values: (config) => ({ ...mixture(config), 'attention.sliding_window': u32(number(config, 'sliding_window')) }),
  },
  ...recurrentConversions,
};

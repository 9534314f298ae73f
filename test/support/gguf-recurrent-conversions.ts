/** Conversions of recurrences and convolutions (conversion/*.py of llama.cpp, December 2026). */
import { list, u32 } from './gguf-file';
import {
  besideExperts,
  cut,
  deepValues,
  dense,
  granite,
  graniteMoe,
  joinedRows,
  mixture,
  named,
  number,
  numberOf,
  numbers,
  ofGranite,
  routed,
  times,
  turnedInside,
  type Config,
  type Conversion,
  type Named,
  type Values,
} from './gguf-conversion-parts';
import type { CheckpointTensor } from './safetensors-file';

/** A = -exp(A_log), and kernels [channels, size]. */
function recurrent(name: string, tensor: CheckpointTensor): readonly Named[] {
  if (name.endsWith('.A_log')) return [[name, { ...tensor, data: tensor.data.map((x) => -Math.exp(x)) }]];
  return [[name, tensor]];
}

/** The same of Mamba-2, with A and D as columns and the norm in groups. */
const grouped =
  (groups: (config: Config) => number) =>
  (name: string, tensor: CheckpointTensor, config: Config): readonly Named[] =>
    recurrent(name, tensor).map(([own, { shape, data }]) => {
      if (/\.(A_log|D)$/.test(name)) return [own, { shape: [...shape, 1], data }];
      const count = groups(config);
      if (/\.(mamba|mixer)\.norm\.weight$/.test(name)) return [own, { shape: [count, (shape[0] ?? 0) / count], data }];
      return [own, { shape, data }];
    });

const mixer = (before: string) => ({
  [`${before}.in_proj.weight`]: 'blk.{n}.ssm_in.weight',
  [`${before}.conv1d.weight`]: 'blk.{n}.ssm_conv1d.weight',
  [`${before}.conv1d.bias`]: 'blk.{n}.ssm_conv1d.bias',
  [`${before}.x_proj.weight`]: 'blk.{n}.ssm_x.weight',
  [`${before}.dt_proj.weight`]: 'blk.{n}.ssm_dt.weight',
  [`${before}.dt_proj.bias`]: 'blk.{n}.ssm_dt.bias',
  [`${before}.dt_bias`]: 'blk.{n}.ssm_dt.bias',
  [`${before}.A_log`]: 'blk.{n}.ssm_a',
  [`${before}.D`]: 'blk.{n}.ssm_d',
  [`${before}.norm.weight`]: 'blk.{n}.ssm_norm.weight',
  [`${before}.out_proj.weight`]: 'blk.{n}.ssm_out.weight',
  [`${before}.dt_layernorm.weight`]: 'blk.{n}.ssm_dt_norm.weight',
  [`${before}.b_layernorm.weight`]: 'blk.{n}.ssm_b_norm.weight',
  [`${before}.c_layernorm.weight`]: 'blk.{n}.ssm_c_norm.weight',
});

const stateSpaces = {
  'backbone.embeddings.weight': 'token_embd.weight',
  'backbone.norm_f.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
  'backbone.layers.{n}.norm.weight': 'blk.{n}.attn_norm.weight',
  ...mixer('backbone.layers.{n}.mixer'),
};

const noHeads = { 'attention.head_count': u32(0), 'attention.head_count_kv': u32(0) };

const ssm = (sizes: Readonly<Record<string, number>>): Values =>
  Object.fromEntries(Object.entries(sizes).map(([key, value]) => [`ssm.${key}`, u32(value)]));

const mambaValues = (config: Config): Values => ({
  ...noHeads,
  ...ssm({
    conv_kernel: number(config, 'conv_kernel'),
    inner_size: number(config, 'intermediate_size'),
    state_size: number(config, 'state_size'),
    time_step_rank: number(config, 'time_step_rank'),
  }),
  feed_forward_length: u32(0),
  'attention.layer_norm_rms_epsilon': { f32: number(config, 'layer_norm_epsilon') },
  'ssm.dt_b_c_rms': { bool: config['model_type'] === 'falcon_mamba' },
});

/** Attention layers by their place in a list of kinds. */
const keyHeads = (config: Config, attends: (layer: number) => boolean): Values => ({
  'attention.head_count_kv': list(
    ...Array.from({ length: number(config, 'num_hidden_layers') }, (_, layer) => ({
      i32: attends(layer) ? number(config, 'num_key_value_heads') : 0,
    })),
  ),
});

const besideMixers = {
  ...dense,
  ...mixer('model.layers.{n}.mamba'),
  'model.final_layernorm.weight': 'output_norm.weight',
  'model.layers.{n}.pre_ff_layernorm.weight': 'blk.{n}.ffn_norm.weight',
  'model.layers.{n}.feed_forward.gate_proj.weight': 'blk.{n}.ffn_gate.weight',
  'model.layers.{n}.feed_forward.up_proj.weight': 'blk.{n}.ffn_up.weight',
  'model.layers.{n}.feed_forward.down_proj.weight': 'blk.{n}.ffn_down.weight',
};

const mamba2Values = (config: Config): Values =>
  ssm({
    conv_kernel: number(config, 'mamba_d_conv'),
    state_size: number(config, 'mamba_d_state'),
    group_count: number(config, 'mamba_n_groups'),
    inner_size: number(config, 'mamba_n_heads') * number(config, 'mamba_d_head'),
    time_step_rank: number(config, 'mamba_n_heads'),
  });

/** The factors of Falcon-H1 go into its weights. */
function ofFalcon(name: string, tensor: CheckpointTensor, config: Config): readonly Named[] {
  const [gate = 1, down = 1] = numbers(config, 'mlp_multipliers');
  const input = number(config, 'attention_in_multiplier');
  const factors: Readonly<Record<string, number>> = {
    down_proj: down,
    gate_proj: gate,
    q_proj: input,
    k_proj: input * number(config, 'key_multiplier'),
    v_proj: input,
    o_proj: number(config, 'attention_out_multiplier'),
    out_proj: number(config, 'ssm_out_multiplier'),
    lm_head: number(config, 'lm_head_multiplier'),
    embed_tokens: number(config, 'embedding_multiplier'),
  };
  if (name.endsWith('mamba.in_proj.weight')) {
    const groups = number(config, 'mamba_n_groups') * number(config, 'mamba_d_state');
    const inner = number(config, 'mamba_d_ssm');
    const sizes = [inner, inner, groups, groups, number(config, 'mamba_n_heads')];
    let first = 0;
    const parts = sizes.map((size, part) => {
      const own = cut(tensor, 0, first, size);
      first += size;
      return times(own, number(config, 'ssm_in_multiplier') * (numbers(config, 'ssm_multipliers')[part] ?? 1));
    });
    return [[name, joinedRows(parts)]];
  }
  const module = name.split('.').at(-2) ?? '';
  const scaled = times(tensor, factors[module] ?? 1);
  return grouped((all) => number(all, 'mamba_n_groups'))(name, scaled, config);
}

/** Rows of key heads, each with its queries, keys, values and gates, become all queries, all keys, all values; and all gates. */
function ofDelta(name: string, tensor: CheckpointTensor, config: Config): readonly Named[] {
  if (!name.endsWith('in_proj_qkvz.weight')) return recurrent(name, tensor);
  const heads = number(config, 'linear_num_key_heads');
  const width = number(config, 'linear_key_head_dim');
  const values = (number(config, 'linear_num_value_heads') / heads) * number(config, 'linear_value_head_dim');
  const part = (first: number, count: number): CheckpointTensor =>
    joinedRows(Array.from({ length: heads }, (_, head) => cut(tensor, 0, head * 2 * (width + values) + first, count)));
  return [
    [name.replace('qkvz', 'qkv'), joinedRows([part(0, width), part(width, width), part(2 * width, values)])],
    [name.replace('qkvz', 'z'), part(2 * width + values, values)],
  ];
}

/** Value heads by their place under a key head, along an axis; `keys`: rows in front of them. */
function tiled(tensor: CheckpointTensor, config: Config, axis: number, width: number, keys = 0): CheckpointTensor {
  const heads = number(config, 'linear_num_key_heads');
  const each = number(config, 'linear_num_value_heads') / heads;
  const order = Array.from({ length: heads * each }, (_, at) => (at % heads) * each + Math.floor(at / heads));
  const turned = axis === 0 ? tensor : turnedInside(tensor);
  const parts = order.map((head) => cut(turned, 0, keys + head * width, width));
  const all = joinedRows([...(keys > 0 ? [cut(turned, 0, 0, keys)] : []), ...parts]);
  return axis === 0 ? all : turnedInside(all);
}

/** Qwen3.5, whose text lies inside a model of pictures. */
function ofTiled(name: string, tensor: CheckpointTensor, config: Config): readonly Named[] {
  const own = name.replace('model.language_model.', 'model.');
  const keys = 2 * number(config, 'linear_num_key_heads') * number(config, 'linear_key_head_dim');
  const width = number(config, 'linear_value_head_dim');
  const module = /linear_attn\.(\w+)/.exec(name)?.[1] ?? '';
  const kinds: Readonly<Record<string, readonly [axis: number, width: number, keys?: number]>> = {
    in_proj_qkv: [0, width, keys],
    conv1d: [0, width, keys],
    in_proj_z: [0, width],
    in_proj_a: [0, 1],
    in_proj_b: [0, 1],
    dt_bias: [0, 1],
    A_log: [0, 1],
    out_proj: [1, width],
  };
  const kind = kinds[module];
  return recurrent(own, kind ? tiled(tensor, config, ...kind) : tensor);
}

const qwen35 = {
  ...dense,
  ...routed('mlp', named),
  ...besideExperts('mlp.shared_expert'),
  'model.layers.{n}.mlp.shared_expert_gate.weight': 'blk.{n}.ffn_gate_inp_shexp.weight',
  ...mixer('model.layers.{n}.linear_attn'),
  'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
  'model.layers.{n}.linear_attn.in_proj_qkv.weight': 'blk.{n}.attn_qkv.weight',
  'model.layers.{n}.linear_attn.in_proj_z.weight': 'blk.{n}.attn_gate.weight',
  'model.layers.{n}.linear_attn.in_proj_ba.weight': 'blk.{n}.ssm_ba.weight',
  'model.layers.{n}.linear_attn.in_proj_a.weight': 'blk.{n}.ssm_alpha.weight',
  'model.layers.{n}.linear_attn.in_proj_b.weight': 'blk.{n}.ssm_beta.weight',
};

const deltaValues = (config: Config): Values => ({
  ...(numberOf(config, 'num_experts') === undefined
    ? {}
    : {
        ...mixture(config),
        expert_feed_forward_length: u32(number(config, 'moe_intermediate_size')),
        expert_shared_feed_forward_length: u32(number(config, 'shared_expert_intermediate_size')),
      }),
  ...ssm({
    conv_kernel: number(config, 'linear_conv_kernel_dim'),
    state_size: number(config, 'linear_key_head_dim'),
    group_count: number(config, 'linear_num_key_heads'),
    time_step_rank: number(config, 'linear_num_value_heads'),
    inner_size: number(config, 'linear_value_head_dim') * number(config, 'linear_num_value_heads'),
  }),
});

const shortConvolutions = {
  ...dense,
  'model.embedding_norm.weight': 'token_embd_norm.weight',
  'model.layers.{n}.operator_norm.weight': 'blk.{n}.attn_norm.weight',
  'model.layers.{n}.ffn_norm.weight': 'blk.{n}.ffn_norm.weight',
  'model.layers.{n}.self_attn.out_proj.weight': 'blk.{n}.attn_output.weight',
  'model.layers.{n}.self_attn.q_layernorm.weight': 'blk.{n}.attn_q_norm.weight',
  'model.layers.{n}.self_attn.k_layernorm.weight': 'blk.{n}.attn_k_norm.weight',
  'model.layers.{n}.conv.conv.weight': 'blk.{n}.shortconv.conv.weight',
  'model.layers.{n}.conv.in_proj.weight': 'blk.{n}.shortconv.in_proj.weight',
  'model.layers.{n}.conv.out_proj.weight': 'blk.{n}.shortconv.out_proj.weight',
  'model.layers.{n}.feed_forward.w1.weight': 'blk.{n}.ffn_gate.weight',
  'model.layers.{n}.feed_forward.w3.weight': 'blk.{n}.ffn_up.weight',
  'model.layers.{n}.feed_forward.w2.weight': 'blk.{n}.ffn_down.weight',
};

const shortValues = (config: Config): Values => ({
  ...keyHeads(config, (layer) => (config['layer_types'] as readonly string[])[layer] === 'full_attention'),
  'shortconv.l_cache': u32(number(config, 'conv_L_cache')),
  'attention.layer_norm_rms_epsilon': { f32: number(config, 'norm_eps') },
});

/** What the network of LFM2 makes of the width in its config. */
function shortWidth(config: Config): number {
  const written = number(config, 'intermediate_size');
  if (config['block_auto_adjust_ff_dim'] !== true) return written;
  const multiple = number(config, 'block_multiple_of');
  const two = Math.trunc(number(config, 'block_ffn_dim_multiplier') * Math.trunc((2 * written) / 3));
  return multiple * Math.ceil(two / multiple);
}

const hybridValues = (config: Config): Values => {
  const attention = config['attn_layer_indices'] as readonly number[];
  return {
    ...graniteMoe(config),
    ...mamba2Values(config),
    ...keyHeads(config, (layer) => attention.includes(layer)),
    'rope.dimension_count': u32(number(config, 'attn_rotary_emb')),
    'rope.scaling.finetuned': { bool: config['model_type'] === 'bamba' },
  };
};

const withoutMixers = /^(?!.*linear_attn\.norm).*norm\.weight$/;

/** Layers by the word for their kind. */
const isKind = (config: Config, layer: number, ...kinds: readonly string[]): boolean =>
  kinds.includes((config['layers_block_type'] as readonly string[])[layer] ?? '');

const nemotronH: Conversion = {
  architecture: 'nemotron_h',
  names: {
    ...stateSpaces,
    ...Object.fromEntries(
      ['q', 'k', 'v'].map((map) => [`backbone.layers.{n}.mixer.${map}_proj.weight`, `blk.{n}.attn_${map}.weight`]),
    ),
    'backbone.layers.{n}.mixer.o_proj.weight': 'blk.{n}.attn_output.weight',
    'backbone.layers.{n}.mixer.up_proj.weight': 'blk.{n}.ffn_up.weight',
    'backbone.layers.{n}.mixer.down_proj.weight': 'blk.{n}.ffn_down.weight',
    'backbone.layers.{n}.mixer.gate.weight': 'blk.{n}.ffn_gate_inp.weight',
    'backbone.layers.{n}.mixer.gate.e_score_correction_bias': 'blk.{n}.exp_probs_b.bias',
    'backbone.layers.{n}.mixer.experts.{e}.up_proj.weight': 'blk.{n}.ffn_up_exps.weight',
    'backbone.layers.{n}.mixer.experts.{e}.down_proj.weight': 'blk.{n}.ffn_down_exps.weight',
    'backbone.layers.{n}.mixer.shared_experts.up_proj.weight': 'blk.{n}.ffn_up_shexp.weight',
    'backbone.layers.{n}.mixer.shared_experts.down_proj.weight': 'blk.{n}.ffn_down_shexp.weight',
    'backbone.layers.{n}.mixer.fc1_latent_proj.weight': 'blk.{n}.ffn_latent_down.weight',
    'backbone.layers.{n}.mixer.fc2_latent_proj.weight': 'blk.{n}.ffn_latent_up.weight',
  },
  changes: grouped((config) => number(config, 'n_groups')),
  values: (config) => {
    const layers = Array.from({ length: number(config, 'num_hidden_layers') }, (_, layer) => layer);
    const width = config['n_routed_experts'] === undefined ? 'intermediate_size' : 'moe_intermediate_size';
    return {
      ...keyHeads(config, (layer) => isKind(config, layer, 'attention')),
      ...ssm({
        conv_kernel: number(config, 'conv_kernel'),
        state_size: number(config, 'ssm_state_size'),
        group_count: number(config, 'n_groups'),
        inner_size: number(config, 'mamba_num_heads') * number(config, 'mamba_head_dim'),
        time_step_rank: number(config, 'mamba_num_heads'),
      }),
      'attention.layer_norm_rms_epsilon': { f32: number(config, 'norm_eps') },
      'rope.scaling.finetuned': { bool: false },
      feed_forward_length: list(
        ...layers.map((layer) => ({ i32: isKind(config, layer, 'mlp', 'moe') ? number(config, width) : 0 })),
      ),
    };
  },
};

/** RWKV-6, in halves of a power of 2 where layers are rescaled. */
function ofRwkv(name: string, tensor: CheckpointTensor, config: Config): readonly Named[] {
  const layer = Number(/blocks\.(\d+)\./.exec(name)?.[1] ?? 0);
  const halved = Math.floor(layer / number(config, 'rescale_every'));
  const flat = { ...tensor, shape: tensor.shape.filter((axis) => axis !== 1) };
  if (/time_(maa|decay)_w[12]$/.test(name)) return [[name, turnedInside(tensor)]];
  if (/attention\.output|feed_forward\.value/.test(name)) return [[name, times(tensor, 2 ** -halved)]];
  return [[name, flat]];
}

const rwkvNames = {
  'rwkv.embeddings.weight': 'token_embd.weight',
  'head.weight': 'output.weight',
  'rwkv.blocks.{n}.attention.time_faaaa': 'blk.{n}.time_mix_first.weight',
  'rwkv.blocks.{n}.attention.time_decay': 'blk.{n}.time_mix_decay.weight',
  ...Object.fromEntries(
    ['w1', 'w2'].flatMap((part) => [
      [`rwkv.blocks.{n}.attention.time_maa_${part}`, `blk.{n}.time_mix_${part}.weight`],
      [`rwkv.blocks.{n}.attention.time_decay_${part}`, `blk.{n}.time_mix_decay_${part}.weight`],
    ]),
  ),
  ...Object.fromEntries(
    ['x', 'w', 'k', 'v', 'r', 'g'].map((share) => [
      `rwkv.blocks.{n}.attention.time_maa_${share}`,
      `blk.{n}.time_mix_lerp_${share}.weight`,
    ]),
  ),
  ...Object.fromEntries(
    ['key', 'value', 'receptance', 'gate', 'output'].map((map) => [
      `rwkv.blocks.{n}.attention.${map}.weight`,
      `blk.{n}.time_mix_${map}.weight`,
    ]),
  ),
  ...Object.fromEntries(
    ['key', 'value', 'receptance'].map((map) => [
      `rwkv.blocks.{n}.feed_forward.${map}.weight`,
      `blk.{n}.channel_mix_${map}.weight`,
    ]),
  ),
  'rwkv.blocks.{n}.feed_forward.time_maa_k': 'blk.{n}.channel_mix_lerp_k.weight',
  'rwkv.blocks.{n}.feed_forward.time_maa_r': 'blk.{n}.channel_mix_lerp_r.weight',
  ...Object.fromEntries(
    ['weight', 'bias'].flatMap((part) => [
      [`rwkv.blocks.{n}.pre_ln.${part}`, `token_embd_norm.${part}`],
      [`rwkv.ln_out.${part}`, `output_norm.${part}`],
      [`rwkv.blocks.{n}.ln1.${part}`, `blk.{n}.attn_norm.${part}`],
      [`rwkv.blocks.{n}.ln2.${part}`, `blk.{n}.attn_norm_2.${part}`],
      [`rwkv.blocks.{n}.attention.ln_x.${part}`, `blk.{n}.time_mix_ln.${part}`],
    ]),
  ),
};

/** The shares of the five inputs become one tensor. */
function fusedShares(tensors: readonly Named[]): readonly Named[] {
  const isShare = (name: string): boolean => /attention\.time_maa_[wkvrg]$/.test(name);
  const out = tensors.filter(([name]) => !isShare(name));
  const layers = new Set(tensors.filter(([name]) => isShare(name)).map(([name]) => name.replace(/time_maa_.$/, '')));
  for (const layer of layers) {
    const rows = ['w', 'k', 'v', 'r', 'g'].map(
      (share) => tensors.find(([name]) => name === `${layer}time_maa_${share}`)?.[1],
    );
    const [first] = rows;
    const all = joinedRows(rows.flatMap((row) => (row ? [{ ...row, shape: [1, row.data.length] }] : [])));
    out.push([`${layer}lerp_fused`, { shape: [5, 1, 1, first?.data.length ?? 0], data: all.data }]);
  }
  return out;
}

export const recurrentConversions: Readonly<Record<string, Conversion>> = {
  nemotron_h: nemotronH,
  nemotron_h_moe: {
    ...nemotronH,
    architecture: 'nemotron_h_moe',
    values: (config) => {
      const { expert_gating_func: _, leading_dense_block_count: __, ...routing } = deepValues(config);
      return {
        ...nemotronH.values?.(config),
        ...routing,
        expert_shared_feed_forward_length: u32(number(config, 'moe_shared_expert_intermediate_size')),
        moe_latent_size: u32(number(config, 'moe_latent_size')),
      };
    },
  },
  rwkv6: {
    architecture: 'rwkv6',
    names: { ...rwkvNames, 'rwkv.blocks.{n}.attention.lerp_fused': 'blk.{n}.time_mix_lerp_fused.weight' },
    changes: ofRwkv,
    together: fusedShares,
    values: (config) => ({
      ...noHeads,
      'attention.layer_norm_epsilon': { f32: number(config, 'layer_norm_epsilon') },
      feed_forward_length: u32(
        number(config, 'intermediate_size') || 32 * Math.floor((number(config, 'hidden_size') * 3.5) / 32),
      ),
      rescale_every_n_layers: u32(number(config, 'rescale_every')),
      'wkv.head_size': u32(number(config, 'head_size')),
      time_mix_extra_dim: u32(32),
      time_decay_extra_dim: u32(64),
    }),
  },
  mamba: { architecture: 'mamba', names: stateSpaces, changes: recurrent, values: mambaValues },
  falcon_mamba: { architecture: 'mamba', names: stateSpaces, changes: recurrent, values: mambaValues },
  mamba2: {
    architecture: 'mamba2',
    names: stateSpaces,
    changes: grouped((config) => number(config, 'n_groups')),
    values: (config) => ({
      ...noHeads,
      ...ssm({
        conv_kernel: number(config, 'conv_kernel'),
        inner_size: number(config, 'num_heads') * number(config, 'head_dim'),
        state_size: number(config, 'state_size'),
        time_step_rank: number(config, 'num_heads'),
        group_count: number(config, 'n_groups'),
      }),
      'attention.layer_norm_rms_epsilon': { f32: number(config, 'layer_norm_epsilon') },
    }),
  },
  jamba: {
    architecture: 'jamba',
    names: { ...besideMixers, ...routed('feed_forward', named, 'router') },
    changes: recurrent,
    values: (config) => ({
      ...mixture(config),
      ...keyHeads(
        config,
        (layer) => layer % number(config, 'attn_layer_period') === number(config, 'attn_layer_offset'),
      ),
      ...ssm({
        conv_kernel: number(config, 'mamba_d_conv'),
        inner_size: number(config, 'mamba_expand') * number(config, 'hidden_size'),
        state_size: number(config, 'mamba_d_state'),
        time_step_rank: number(config, 'mamba_dt_rank'),
      }),
    }),
  },
  falcon_h1: {
    architecture: 'falcon-h1',
    // Its name in the map of conversion ends in .weight already, so that the file has none.
    names: { ...besideMixers, 'model.layers.{n}.pre_ff_layernorm.weight': 'blk.{n}.ffn_norm' },
    changes: ofFalcon,
    values: (config) => ({ ...mamba2Values(config), 'ssm.inner_size': u32(number(config, 'mamba_d_ssm')) }),
  },
  bamba: {
    architecture: 'granitehybrid',
    names: besideMixers,
    rows: 'neighbours',
    changes: grouped((config) => number(config, 'mamba_n_groups')),
    values: hybridValues,
  },
  granitemoehybrid: {
    architecture: 'granitehybrid',
    names: { ...granite, ...mixer('model.layers.{n}.mamba') },
    rows: 'neighbours',
    changes: (name, tensor, config) =>
      ofGranite(name, tensor, config).flatMap(([own, part]) =>
        grouped((all) => number(all, 'mamba_n_groups'))(own, part, config),
      ),
    values: hybridValues,
  },
  lfm2: {
    architecture: 'lfm2',
    names: shortConvolutions,
    values: (config) => ({ ...shortValues(config), feed_forward_length: u32(shortWidth(config)) }),
  },
  lfm2_moe: {
    architecture: 'lfm2moe',
    names: {
      ...shortConvolutions,
      ...routed('feed_forward', ['w1', 'w3', 'w2']),
      'model.layers.{n}.feed_forward.expert_bias': 'blk.{n}.exp_probs_b.bias',
    },
    values: (config) => ({
      ...shortValues(config),
      ...mixture(config),
      expert_feed_forward_length: u32(number(config, 'moe_intermediate_size')),
      leading_dense_block_count: u32(number(config, 'num_dense_layers')),
      expert_gating_func: u32(2),
    }),
  },
  qwen3_next: {
    architecture: 'qwen3next',
    names: qwen35,
    addsOne: withoutMixers,
    changes: ofDelta,
    values: deltaValues,
  },
  qwen3_5_text: {
    architecture: 'qwen35',
    names: qwen35,
    addsOne: withoutMixers,
    changes: ofTiled,
    values: deltaValues,
  },
  qwen3_5_moe_text: {
    architecture: 'qwen35moe',
    names: qwen35,
    addsOne: withoutMixers,
    changes: ofTiled,
    values: deltaValues,
  },
};

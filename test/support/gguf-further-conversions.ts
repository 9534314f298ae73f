/**
 * Conversions whose tensors are cut, joined or computed, in the layout of llama.cpp's scripts (conversion/*.py and
 * gguf-py/gguf/tensor_mapping.py, December 2026): experts of Granite and Llama 4, latent attention, recurrences, encoders.
 */
import { list, u32, type Value } from './gguf-file';
import type { CheckpointTensor } from './safetensors-file';

export type Config = Readonly<Record<string, unknown>>;
export type Values = Readonly<Record<string, Value>>;
export type Named = readonly [name: string, tensor: CheckpointTensor];

export interface Conversion {
  readonly architecture: string;
  /** `{n}` is the number of a layer, `{e}` that of an expert; experts become items of one tensor. */
  readonly names: Readonly<Record<string, string>>;
  readonly rows?: 'neighbours';
  /** Rows of a fused projection, [groups, parts of d], become queries, keys and values. */
  readonly parted?: true;
  readonly addsOne?: true | RegExp;
  readonly turned?: RegExp;
  /** What the file has for a tensor, under names that `names` knows; nothing: it is left out. */
  readonly changes?: (name: string, tensor: CheckpointTensor, config: Config) => readonly Named[];
  readonly values?: (config: Config) => Values;
}

export const numberOf = (config: Config, ...keys: readonly string[]): number | undefined =>
  keys.map((key) => config[key]).find((value): value is number => typeof value === 'number');
const number = (config: Config, key: string): number => numberOf(config, key) ?? 0;
const numbers = (config: Config, key: string): readonly number[] => config[key] as readonly number[];

export const dense = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
  'model.layers.{n}.input_layernorm.weight': 'blk.{n}.attn_norm.weight',
  'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.ffn_norm.weight',
  'model.layers.{n}.self_attn.q_proj.weight': 'blk.{n}.attn_q.weight',
  'model.layers.{n}.self_attn.k_proj.weight': 'blk.{n}.attn_k.weight',
  'model.layers.{n}.self_attn.v_proj.weight': 'blk.{n}.attn_v.weight',
  'model.layers.{n}.self_attn.o_proj.weight': 'blk.{n}.attn_output.weight',
  'model.layers.{n}.self_attn.q_proj.bias': 'blk.{n}.attn_q.bias',
  'model.layers.{n}.self_attn.k_proj.bias': 'blk.{n}.attn_k.bias',
  'model.layers.{n}.self_attn.v_proj.bias': 'blk.{n}.attn_v.bias',
  'model.layers.{n}.self_attn.o_proj.bias': 'blk.{n}.attn_output.bias',
  'model.layers.{n}.self_attn.q_norm.weight': 'blk.{n}.attn_q_norm.weight',
  'model.layers.{n}.self_attn.k_norm.weight': 'blk.{n}.attn_k_norm.weight',
  'model.layers.{n}.mlp.gate_proj.weight': 'blk.{n}.ffn_gate.weight',
  'model.layers.{n}.mlp.up_proj.weight': 'blk.{n}.ffn_up.weight',
  'model.layers.{n}.mlp.down_proj.weight': 'blk.{n}.ffn_down.weight',
  'model.layers.{n}.mlp.gate_proj.bias': 'blk.{n}.ffn_gate.bias',
  'model.layers.{n}.mlp.up_proj.bias': 'blk.{n}.ffn_up.bias',
  'model.layers.{n}.mlp.down_proj.bias': 'blk.{n}.ffn_down.bias',
};

export const routed = (prefix: string, [gate, up, down]: readonly [string, string, string], router = 'gate') => ({
  [`model.layers.{n}.${prefix}.${router}.weight`]: 'blk.{n}.ffn_gate_inp.weight',
  [`model.layers.{n}.${prefix}.experts.{e}.${gate}.weight`]: 'blk.{n}.ffn_gate_exps.weight',
  [`model.layers.{n}.${prefix}.experts.{e}.${up}.weight`]: 'blk.{n}.ffn_up_exps.weight',
  [`model.layers.{n}.${prefix}.experts.{e}.${down}.weight`]: 'blk.{n}.ffn_down_exps.weight',
});
export const named = ['gate_proj', 'up_proj', 'down_proj'] as const;

const besideExperts = (module: string) => ({
  [`model.layers.{n}.${module}.gate_proj.weight`]: 'blk.{n}.ffn_gate_shexp.weight',
  [`model.layers.{n}.${module}.up_proj.weight`]: 'blk.{n}.ffn_up_shexp.weight',
  [`model.layers.{n}.${module}.down_proj.weight`]: 'blk.{n}.ffn_down_shexp.weight',
});

/** Keys of routers like DeepSeek-V3's. */
export const deepValues = (config: Config): Values => ({
  expert_count: u32(numberOf(config, 'n_routed_experts') ?? 0),
  expert_used_count: u32(numberOf(config, 'num_experts_per_tok') ?? 0),
  expert_shared_count: u32(numberOf(config, 'n_shared_experts') ?? 0),
  expert_feed_forward_length: u32(numberOf(config, 'moe_intermediate_size') ?? 0),
  leading_dense_block_count: u32(numberOf(config, 'first_k_dense_replace') ?? 0),
  expert_gating_func: u32(2),
  expert_weights_scale: { f32: numberOf(config, 'routed_scaling_factor') ?? 1 },
  expert_weights_norm: { bool: config['norm_topk_prob'] === true },
  expert_group_count: u32(numberOf(config, 'n_group') ?? 1),
  expert_group_used_count: u32(numberOf(config, 'topk_group') ?? 1),
});

export const mixture = (config: Config): Values => ({
  expert_count: u32(numberOf(config, 'num_local_experts', 'num_experts') ?? 0),
  expert_used_count: u32(numberOf(config, 'num_experts_per_tok') ?? 0),
});

/** Axes [first, count) of axis `axis`, of any tensor. */
function cut({ shape, data }: CheckpointTensor, axis: number, first: number, count: number): CheckpointTensor {
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const own = shape[axis] ?? 1;
  const outer = data.length / inner / own;
  const out = new Float32Array(outer * count * inner);
  for (let at = 0; at < outer; at++)
    out.set(data.subarray((at * own + first) * inner, (at * own + first + count) * inner), at * count * inner);
  return { shape: shape.map((size, each) => (each === axis ? count : size)), data: out };
}

const halves = (tensor: CheckpointTensor, axis: number): readonly [CheckpointTensor, CheckpointTensor] => {
  const half = (tensor.shape[axis] ?? 0) / 2;
  return [cut(tensor, axis, 0, half), cut(tensor, axis, half, half)];
};

/** The last two axes turned. */
function turnedInside({ shape, data }: CheckpointTensor): CheckpointTensor {
  const [columns = 1, rows = 1, ...outer] = shape.toReversed();
  const out = Float32Array.from({ length: data.length }, (_, at) => {
    const [item, within] = [Math.floor(at / (rows * columns)), at % (rows * columns)];
    return data[item * rows * columns + (within % rows) * columns + Math.floor(within / rows)] ?? NaN;
  });
  return { shape: [...outer.toReversed(), columns, rows], data: out };
}

function joinedRows(parts: readonly CheckpointTensor[]): CheckpointTensor {
  const [first] = parts;
  const rows = parts.reduce((sum, { shape: [count = 0] }) => sum + count, 0);
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  parts.reduce((at, part) => (data.set(part.data, at), at + part.data.length), 0);
  return { shape: [rows, ...(first?.shape.slice(1) ?? [])], data };
}

const times = (tensor: CheckpointTensor, factor: number): CheckpointTensor => ({
  ...tensor,
  data: tensor.data.map((value) => value * factor),
});

/** Granite's tensors of gate and up. */
function ofGranite(name: string, tensor: CheckpointTensor, config: Config): readonly Named[] {
  if (name.endsWith('block_sparse_moe.input_linear.weight')) {
    const [gate, up] = halves(tensor, 1);
    return [
      [name.replace('input_linear', 'gate'), gate],
      [name.replace('input_linear', 'up'), up],
    ];
  }
  if (name.endsWith('shared_mlp.input_linear.weight')) {
    const [gate, up] = halves(tensor, 0);
    const to = number(config, 'num_local_experts') > 0 ? 'shared_mlp' : 'mlp';
    return [
      [name.replace('shared_mlp.input_linear', `${to}.gate_proj`), gate],
      [name.replace('shared_mlp.input_linear', `${to}.up_proj`), up],
    ];
  }
  return [[name, tensor]];
}

const granite = {
  ...dense,
  'model.layers.{n}.block_sparse_moe.router.layer.weight': 'blk.{n}.ffn_gate_inp.weight',
  'model.layers.{n}.block_sparse_moe.gate.weight': 'blk.{n}.ffn_gate_exps.weight',
  'model.layers.{n}.block_sparse_moe.up.weight': 'blk.{n}.ffn_up_exps.weight',
  'model.layers.{n}.block_sparse_moe.output_linear.weight': 'blk.{n}.ffn_down_exps.weight',
  'model.layers.{n}.shared_mlp.gate_proj.weight': 'blk.{n}.ffn_gate_shexp.weight',
  'model.layers.{n}.shared_mlp.up_proj.weight': 'blk.{n}.ffn_up_shexp.weight',
  'model.layers.{n}.shared_mlp.output_linear.weight': 'blk.{n}.ffn_down_shexp.weight',
};

export const graniteFactors = (config: Config): Values =>
  Object.fromEntries(
    [
      ['embedding_scale', 'embedding_multiplier'],
      ['residual_scale', 'residual_multiplier'],
      ['attention.scale', 'attention_multiplier'],
      ['logit_scale', 'logits_scaling'],
    ].flatMap(([to = '', from = '']) => {
      const factor = numberOf(config, from);
      return factor === undefined ? [] : [[to, { f32: factor }]];
    }),
  );

const graniteMoe = (config: Config): Values => ({
  ...graniteFactors(config),
  ...mixture(config),
  ...(numberOf(config, 'shared_intermediate_size') === undefined
    ? {}
    : { expert_shared_feed_forward_length: u32(number(config, 'shared_intermediate_size')) }),
});

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

/** What conversions to GGUF have in common: names of tensors, keys of the header, and cuts and turns of tensors. */
import { u32, type Value } from './gguf-file';
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
  /** What becomes of all of them together, behind `changes`. */
  readonly together?: (tensors: readonly Named[]) => readonly Named[];
  readonly values?: (config: Config) => Values;
}

export const numberOf = (config: Config, ...keys: readonly string[]): number | undefined =>
  keys.map((key) => config[key]).find((value): value is number => typeof value === 'number');
export const number = (config: Config, key: string): number => numberOf(config, key) ?? 0;
export const numbers = (config: Config, key: string): readonly number[] => config[key] as readonly number[];

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

export const besideExperts = (module: string) => ({
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
export function cut({ shape, data }: CheckpointTensor, axis: number, first: number, count: number): CheckpointTensor {
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const own = shape[axis] ?? 1;
  const outer = data.length / inner / own;
  const out = new Float32Array(outer * count * inner);
  for (let at = 0; at < outer; at++)
    out.set(data.subarray((at * own + first) * inner, (at * own + first + count) * inner), at * count * inner);
  return { shape: shape.map((size, each) => (each === axis ? count : size)), data: out };
}

export const halves = (tensor: CheckpointTensor, axis: number): readonly [CheckpointTensor, CheckpointTensor] => {
  const half = (tensor.shape[axis] ?? 0) / 2;
  return [cut(tensor, axis, 0, half), cut(tensor, axis, half, half)];
};

/** The last two axes turned. */
export function turnedInside({ shape, data }: CheckpointTensor): CheckpointTensor {
  const [columns = 1, rows = 1, ...outer] = shape.toReversed();
  const out = Float32Array.from({ length: data.length }, (_, at) => {
    const [item, within] = [Math.floor(at / (rows * columns)), at % (rows * columns)];
    return data[item * rows * columns + (within % rows) * columns + Math.floor(within / rows)] ?? NaN;
  });
  return { shape: [...outer.toReversed(), columns, rows], data: out };
}

export function joinedRows(parts: readonly CheckpointTensor[]): CheckpointTensor {
  const [first] = parts;
  const rows = parts.reduce((sum, { shape: [count = 0] }) => sum + count, 0);
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  parts.reduce((at, part) => (data.set(part.data, at), at + part.data.length), 0);
  return { shape: [rows, ...(first?.shape.slice(1) ?? [])], data };
}

export const times = (tensor: CheckpointTensor, factor: number): CheckpointTensor => ({
  ...tensor,
  data: tensor.data.map((value) => value * factor),
});

/** Granite's tensors of gate and up. */
export function ofGranite(name: string, tensor: CheckpointTensor, config: Config): readonly Named[] {
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

export const granite = {
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

export const graniteMoe = (config: Config): Values => ({
  ...graniteFactors(config),
  ...mixture(config),
  ...(numberOf(config, 'shared_intermediate_size') === undefined
    ? {}
    : { expert_shared_feed_forward_length: u32(number(config, 'shared_intermediate_size')) }),
});

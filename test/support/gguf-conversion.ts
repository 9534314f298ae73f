/**
 * A safetensors checkpoint as the GGUF file that llama.cpp's conversion makes of it: names of tensors, rows of queries and keys in the order
 * of its rotation, gains of norms with their one added, maps as [outputs, inputs], experts in one tensor (convert_hf_to_gguf.py and
 * gguf-py/gguf/tensor_mapping.py of llama.cpp, November 2026). llama.cpp itself reads what is written here (test/bench/gguf.bench.ts).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBfloat16, toHalf } from '../../kernels/tensors/half';
import { ggufFile, list, u32 } from './gguf-file';
import { encoderConversions } from './gguf-encoder-conversions';
import { furtherConversions } from './gguf-further-conversions';
import {
  deepValues,
  dense,
  graniteFactors,
  mixture,
  named,
  numberOf,
  routed,
  type Config,
  type Conversion,
  type Named,
  type Values,
} from './gguf-conversion-parts';
import { readTensors } from './reference/variants';
import type { CheckpointTensor } from './safetensors-file';

/** Rows of a matrix in a number format of ggml. */
export interface WrittenFormat {
  /** The number of the type in a file. */
  readonly id: number;
  readonly encode: (row: Float32Array) => Uint8Array;
}

export const floatFormats = {
  F32: { id: 0, encode: (row) => new Uint8Array(Float32Array.from(row).buffer) },
  F16: { id: 1, encode: (row) => new Uint8Array(Uint16Array.from(row, toHalf).buffer) },
  BF16: { id: 30, encode: (row) => new Uint8Array(Uint16Array.from(row, toBfloat16).buffer) },
} as const satisfies Record<string, WrittenFormat>;

const sharedExpert = {
  'model.layers.{n}.mlp.shared_expert.gate_proj.weight': 'blk.{n}.ffn_gate_shexp.weight',
  'model.layers.{n}.mlp.shared_expert.up_proj.weight': 'blk.{n}.ffn_up_shexp.weight',
  'model.layers.{n}.mlp.shared_expert.down_proj.weight': 'blk.{n}.ffn_down_shexp.weight',
  'model.layers.{n}.mlp.shared_expert_gate.weight': 'blk.{n}.ffn_gate_inp_shexp.weight',
};

const fourNorms = {
  ...dense,
  'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
  'model.layers.{n}.pre_feedforward_layernorm.weight': 'blk.{n}.ffn_norm.weight',
  'model.layers.{n}.post_feedforward_layernorm.weight': 'blk.{n}.post_ffw_norm.weight',
};

const both = (...keys: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    keys.flatMap((key) =>
      ['weight', 'bias'].map((part) => [`${key.split(' ')[0]}.${part}`, `${key.split(' ')[1]}.${part}`]),
    ),
  );

const windowed = (config: Config): Values => {
  const window = numberOf(config, 'sliding_window');
  return window === undefined ? {} : { 'attention.sliding_window': u32(window) };
};

const conversions: Readonly<Record<string, Conversion>> = {
  llama: { architecture: 'llama', names: dense, rows: 'neighbours' },
  mistral: { architecture: 'llama', names: dense, rows: 'neighbours' },
  mixtral: {
    architecture: 'llama',
    names: { ...dense, ...routed('block_sparse_moe', ['w1', 'w3', 'w2']) },
    rows: 'neighbours',
    values: mixture,
  },
  qwen2: { architecture: 'qwen2', names: dense },
  qwen3: { architecture: 'qwen3', names: dense },
  qwen2_moe: {
    architecture: 'qwen2moe',
    names: { ...dense, ...routed('mlp', named), ...sharedExpert },
    values: (config) => ({
      ...mixture(config),
      expert_feed_forward_length: u32(numberOf(config, 'moe_intermediate_size') ?? 0),
      expert_shared_feed_forward_length: u32(numberOf(config, 'shared_expert_intermediate_size') ?? 0),
    }),
  },
  qwen3_moe: {
    architecture: 'qwen3moe',
    names: { ...dense, ...routed('mlp', named) },
    values: (config) => ({
      ...mixture(config),
      expert_feed_forward_length: u32(numberOf(config, 'moe_intermediate_size') ?? 0),
    }),
  },
  gemma: { architecture: 'gemma', names: dense, addsOne: true },
  gemma2: {
    architecture: 'gemma2',
    names: fourNorms,
    addsOne: true,
    values: (config) => ({
      ...windowed(config),
      attn_logit_softcapping: { f32: numberOf(config, 'attn_logit_softcapping') ?? 0 },
      final_logit_softcapping: { f32: numberOf(config, 'final_logit_softcapping') ?? 0 },
    }),
  },
  gemma3_text: { architecture: 'gemma3', names: fourNorms, addsOne: true, values: windowed },
  phi3: {
    architecture: 'phi3',
    names: {
      ...dense,
      'model.layers.{n}.self_attn.qkv_proj.weight': 'blk.{n}.attn_qkv.weight',
      'model.layers.{n}.mlp.gate_up_proj.weight': 'blk.{n}.ffn_up.weight',
    },
    values: windowed,
  },
  gpt2: {
    architecture: 'gpt2',
    names: {
      'transformer.wte.weight': 'token_embd.weight',
      'transformer.wpe.weight': 'position_embd.weight',
      'lm_head.weight': 'output.weight',
      ...both('transformer.ln_f output_norm', 'transformer.h.{n}.ln_1 blk.{n}.attn_norm'),
      ...both('transformer.h.{n}.ln_2 blk.{n}.ffn_norm', 'transformer.h.{n}.attn.c_attn blk.{n}.attn_qkv'),
      ...both('transformer.h.{n}.attn.c_proj blk.{n}.attn_output', 'transformer.h.{n}.mlp.c_fc blk.{n}.ffn_up'),
      ...both('transformer.h.{n}.mlp.c_proj blk.{n}.ffn_down'),
    },
    turned: /\.(c_attn|c_proj|c_fc)\.weight$/,
  },
  granite: {
    architecture: 'granite',
    names: dense,
    rows: 'neighbours',
    values: graniteFactors,
  },
};

const withBiases = (names: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  ...names,
  ...Object.fromEntries(
    Object.entries(names).map(([from, to]) => [from.replace(/weight$/, 'bias'), to.replace(/weight$/, 'bias')]),
  ),
});

const clipped = (config: Config): Values => {
  const clip = numberOf(config, 'clip_qkv');
  return clip === undefined ? {} : { 'attention.clamp_kqv': { f32: clip } };
};

const logitScale = (config: Config): Values => ({ logit_scale: { f32: numberOf(config, 'logit_scale') ?? 1 } });

const gptStack = {
  'transformer.word_embeddings.weight': 'token_embd.weight',
  'lm_head.weight': 'output.weight',
  ...both('transformer.word_embeddings_layernorm token_embd_norm', 'transformer.ln_f output_norm'),
  ...both('transformer.h.{n}.input_layernorm blk.{n}.attn_norm', 'transformer.h.{n}.ln_mlp blk.{n}.attn_norm'),
  ...both(
    'transformer.h.{n}.ln_attn blk.{n}.attn_norm_2',
    'transformer.h.{n}.post_attention_layernorm blk.{n}.ffn_norm',
  ),
  ...both('transformer.h.{n}.self_attention.query_key_value blk.{n}.attn_qkv'),
  ...both('transformer.h.{n}.self_attention.dense blk.{n}.attn_output'),
  ...both('transformer.h.{n}.mlp.dense_h_to_4h blk.{n}.ffn_up', 'transformer.h.{n}.mlp.dense_4h_to_h blk.{n}.ffn_down'),
};

const behind = {
  ...dense,
  'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
  'model.layers.{n}.post_feedforward_layernorm.weight': 'blk.{n}.post_ffw_norm.weight',
};

const deepExperts = {
  ...routed('mlp', named),
  'model.layers.{n}.mlp.gate.e_score_correction_bias': 'blk.{n}.exp_probs_b.bias',
  'model.layers.{n}.mlp.shared_experts.gate_proj.weight': 'blk.{n}.ffn_gate_shexp.weight',
  'model.layers.{n}.mlp.shared_experts.up_proj.weight': 'blk.{n}.ffn_up_shexp.weight',
  'model.layers.{n}.mlp.shared_experts.down_proj.weight': 'blk.{n}.ffn_down_shexp.weight',
};

const further: Readonly<Record<string, Conversion>> = {
  starcoder2: {
    architecture: 'starcoder2',
    names: withBiases({
      ...dense,
      'model.layers.{n}.mlp.c_fc.weight': 'blk.{n}.ffn_up.weight',
      'model.layers.{n}.mlp.c_proj.weight': 'blk.{n}.ffn_down.weight',
    }),
  },
  gpt_bigcode: {
    architecture: 'starcoder',
    names: conversions['gpt2']?.names ?? {},
    values: (config) => ({
      'attention.head_count_kv': u32(config['multi_query'] === false ? (numberOf(config, 'n_head') ?? 1) : 1),
    }),
  },
  phi: {
    architecture: 'phi2',
    names: withBiases({
      ...dense,
      'model.final_layernorm.weight': 'output_norm.weight',
      'model.layers.{n}.self_attn.dense.weight': 'blk.{n}.attn_output.weight',
      'model.layers.{n}.mlp.fc1.weight': 'blk.{n}.ffn_up.weight',
      'model.layers.{n}.mlp.fc2.weight': 'blk.{n}.ffn_down.weight',
    }),
  },
  stablelm: {
    architecture: 'stablelm',
    names: {
      ...withBiases(dense),
      'model.layers.{n}.self_attn.q_layernorm.norms.{e}.weight': 'blk.{n}.attn_q_norm.weight',
      'model.layers.{n}.self_attn.k_layernorm.norms.{e}.weight': 'blk.{n}.attn_k_norm.weight',
    },
    values: (config) => ({ use_parallel_residual: { bool: config['use_parallel_residual'] === true } }),
  },
  olmo: {
    architecture: 'olmo',
    names: dense,
    rows: 'neighbours',
    values: (config) => ({ 'attention.layer_norm_epsilon': { f32: 1e-5 }, ...clipped(config) }),
  },
  olmo2: { architecture: 'olmo2', names: behind },
  olmoe: {
    architecture: 'olmoe',
    names: { ...dense, ...routed('mlp', named) },
    values: (config) => ({ ...mixture(config), ...clipped(config) }),
  },
  cohere: { architecture: 'command-r', names: dense, values: logitScale },
  cohere2: {
    architecture: 'cohere2',
    names: dense,
    values: (config) => ({ ...logitScale(config), ...windowed(config) }),
  },
  nemotron: { architecture: 'nemotron', names: withBiases(dense), addsOne: true },
  exaone4: { architecture: 'exaone4', names: behind },
  glm4: {
    architecture: 'glm4',
    names: {
      ...dense,
      'model.layers.{n}.mlp.gate_up_proj.weight': 'blk.{n}.ffn_up.weight',
      'model.layers.{n}.post_self_attn_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
      'model.layers.{n}.post_mlp_layernorm.weight': 'blk.{n}.post_ffw_norm.weight',
    },
  },
  smollm3: { architecture: 'smollm3', names: dense, rows: 'neighbours' },
  arcee: { architecture: 'arcee', names: dense, rows: 'neighbours' },
  seed_oss: { architecture: 'seed_oss', names: behind },
  hunyuan_v1_dense: {
    architecture: 'hunyuan-dense',
    names: {
      ...dense,
      'model.layers.{n}.self_attn.query_layernorm.weight': 'blk.{n}.attn_q_norm.weight',
      'model.layers.{n}.self_attn.key_layernorm.weight': 'blk.{n}.attn_k_norm.weight',
    },
  },
  gpt_oss: {
    architecture: 'gpt-oss',
    names: {
      ...dense,
      'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
      'model.layers.{n}.self_attn.sinks': 'blk.{n}.attn_sinks.weight',
      'model.layers.{n}.mlp.router.weight': 'blk.{n}.ffn_gate_inp.weight',
      'model.layers.{n}.mlp.router.bias': 'blk.{n}.ffn_gate_inp.bias',
      'model.layers.{n}.mlp.experts.gate_proj': 'blk.{n}.ffn_gate_exps.weight',
      'model.layers.{n}.mlp.experts.up_proj': 'blk.{n}.ffn_up_exps.weight',
      'model.layers.{n}.mlp.experts.down_proj': 'blk.{n}.ffn_down_exps.weight',
      'model.layers.{n}.mlp.experts.gate_proj_bias': 'blk.{n}.ffn_gate_exps.bias',
      'model.layers.{n}.mlp.experts.up_proj_bias': 'blk.{n}.ffn_up_exps.bias',
      'model.layers.{n}.mlp.experts.down_proj_bias': 'blk.{n}.ffn_down_exps.bias',
    },
    values: (config) => ({
      ...mixture(config),
      ...windowed(config),
      expert_feed_forward_length: u32(numberOf(config, 'intermediate_size') ?? 0),
    }),
  },
  dots1: { architecture: 'dots1', names: { ...dense, ...deepExperts }, values: deepValues },
  glm4_moe: {
    architecture: 'glm4moe',
    names: {
      ...dense,
      ...deepExperts,
      'model.layers.{n}.post_attention_layernorm.weight': 'blk.{n}.post_attention_norm.weight',
    },
    values: deepValues,
  },
  minimax_m2: {
    architecture: 'minimax-m2',
    names: {
      ...dense,
      ...routed('block_sparse_moe', ['w1', 'w3', 'w2']),
      'model.layers.{n}.block_sparse_moe.e_score_correction_bias': 'blk.{n}.exp_probs_b.bias',
    },
    values: (config) => ({
      ...mixture(config),
      expert_feed_forward_length: u32(numberOf(config, 'intermediate_size') ?? 0),
      expert_gating_func: u32(2),
    }),
  },
  ernie4_5: { architecture: 'ernie4_5', names: dense },
  gpt_neox: {
    architecture: 'gptneox',
    names: {
      'gpt_neox.embed_in.weight': 'token_embd.weight',
      'embed_out.weight': 'output.weight',
      ...both('gpt_neox.final_layer_norm output_norm', 'gpt_neox.layers.{n}.input_layernorm blk.{n}.attn_norm'),
      ...both('gpt_neox.layers.{n}.post_attention_layernorm blk.{n}.ffn_norm'),
      ...both('gpt_neox.layers.{n}.attention.query_key_value blk.{n}.attn_qkv'),
      ...both('gpt_neox.layers.{n}.attention.dense blk.{n}.attn_output'),
      ...both(
        'gpt_neox.layers.{n}.mlp.dense_h_to_4h blk.{n}.ffn_up',
        'gpt_neox.layers.{n}.mlp.dense_4h_to_h blk.{n}.ffn_down',
      ),
    },
    parted: true,
    values: (config) => ({ use_parallel_residual: { bool: config['use_parallel_residual'] !== false } }),
  },
  bloom: { architecture: 'bloom', names: gptStack, parted: true },
  falcon: {
    architecture: 'falcon',
    names: gptStack,
    parted: true,
    values: (config) => ({
      'attention.head_count_kv': u32(falconKeys(config)),
      feed_forward_length: u32(numberOf(config, 'ffn_hidden_size') ?? 0),
    }),
  },
  mpt: {
    architecture: 'mpt',
    names: {
      'transformer.wte.weight': 'token_embd.weight',
      'transformer.norm_f.weight': 'output_norm.weight',
      'transformer.blocks.{n}.norm_1.weight': 'blk.{n}.attn_norm.weight',
      'transformer.blocks.{n}.norm_2.weight': 'blk.{n}.ffn_norm.weight',
      'transformer.blocks.{n}.attn.Wqkv.weight': 'blk.{n}.attn_qkv.weight',
      'transformer.blocks.{n}.attn.out_proj.weight': 'blk.{n}.attn_output.weight',
      'transformer.blocks.{n}.ffn.up_proj.weight': 'blk.{n}.ffn_up.weight',
      'transformer.blocks.{n}.ffn.down_proj.weight': 'blk.{n}.ffn_down.weight',
    },
    values: (config) => {
      const inner = (config['attn_config'] ?? {}) as Config;
      return { 'attention.max_alibi_bias': { f32: numberOf(inner, 'alibi_bias_max') ?? 8 }, ...clipped(inner) };
    },
  },
};

function falconKeys(config: Config): number {
  if (config['new_decoder_architecture'] === true) return numberOf(config, 'num_kv_heads') ?? 1;
  return config['multi_query'] === true ? 1 : (numberOf(config, 'num_attention_heads') ?? 1);
}

const conversionOf = ({
  model_type: own,
  architectures,
  num_experts_per_tok: routes,
}: Config): Conversion | undefined => {
  const isAlone = Array.isArray(architectures) && architectures[0] === 'T5EncoderModel';
  const type = isAlone ? 'T5EncoderModel' : own === 'nemotron_h' && routes !== undefined ? 'nemotron_h_moe' : own;
  const all = { ...conversions, ...further, ...furtherConversions, ...encoderConversions };
  return typeof type === 'string' && Object.hasOwn(all, type) ? all[type] : undefined;
};

export const hasConversion = (config: Config): boolean => conversionOf(config) !== undefined;

export interface ConversionOptions {
  /** The format of matrices that are multiplied or read row by row; everything else is F32. Default: F32. */
  readonly format?: WrittenFormat | ((tensor: string) => WrittenFormat);
  /** Further keys, such as those of a tokenizer. */
  readonly values?: Values;
  /** The number of files, named as llama.cpp names parts. */
  readonly parts?: number;
}

/** Writes `file` (`name.gguf`), or its parts, and gives the path of the first. */
export function convertToGguf(folder: string, file: string, options: ConversionOptions = {}): string {
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config;
  const conversion = conversionOf(config);
  if (!conversion) throw new RangeError(`no conversion of ${String(config['model_type'])} is written down`);
  const tensors = [
    ...converted(config, conversion, readTensors(join(folder, 'model.safetensors'))),
    ...tablesOf(config),
  ];
  const values = { ...valuesOf(config, conversion), ...options.values };
  const count = options.parts ?? 1;
  const size = Math.ceil(tensors.length / count);
  const paths = Array.from({ length: count }, (_, part) => {
    const numbers = [part + 1, count].map((number) => String(number).padStart(5, '0'));
    const path = count === 1 ? file : file.replace(/\.gguf$/, `-${numbers.join('-of-')}.gguf`);
    const split = {
      'split.no': { u32: part },
      'split.count': { u32: count },
      'split.tensors.count': { i32: tensors.length },
    };
    const own = { ...(part === 0 ? values : {}), ...(count === 1 ? {} : split) };
    writeFileSync(path, fileOf(own, tensors.slice(part * size, (part + 1) * size), options.format ?? floatFormats.F32));
    return path;
  });
  return paths[0] ?? file;
}

function fileOf(
  values: Values,
  tensors: readonly Named[],
  format: WrittenFormat | ((tensor: string) => WrittenFormat),
): Buffer {
  const pieces: Buffer[] = [];
  let offset = 0;
  const header = tensors.map(([name, { shape, data }]) => {
    const isMatrix =
      shape.length > 1 &&
      !/_norm|ffn_gate_inp|position_embd|conv1d|ssm_[ad]$|lerp_|rel_b|time_mix_(w[12]|decay|first)/.test(name);
    const { id, encode } = !isMatrix ? floatFormats.F32 : typeof format === 'function' ? format(name) : format;
    const width = shape.at(-1) ?? 1;
    const rows = Array.from({ length: data.length / width }, (_, row) =>
      encode(data.subarray(row * width, (row + 1) * width)),
    );
    const bytes = Buffer.concat(rows);
    const placed = { name, sizes: shape.toReversed(), type: id, offset };
    pieces.push(bytes, Buffer.alloc(-bytes.length & 31));
    offset += bytes.length + (-bytes.length & 31);
    return placed;
  });
  return Buffer.concat([ggufFile({ values, tensors: header }), ...pieces]);
}

function* converted(
  config: Config,
  conversion: Conversion,
  tensors: ReadonlyMap<string, CheckpointTensor>,
): Generator<Named> {
  const { names, rows, addsOne, turned, parted, changes, together = (all) => all } = conversion;
  const experts = new Map<string, CheckpointTensor[]>();
  const changed = together(
    [...tensors].flatMap(([name, tensor]) =>
      changes ? changes(name, tensor, config) : takenOutOfTurns([name, tensor]),
    ),
  );
  for (const [name, tensor] of changed) {
    const pattern = name
      .replace(/(\.(?:layers|layer|h|blocks)|^transformer_encoder)\.\d+\./, '$1.{n}.')
      .replace(/\.(experts|norms|altup_projections|altup_unembed_projections)\.\d+\./, '.$1.{e}.');
    const to = names[pattern]?.replace(
      '{n}',
      /(?:\.(?:layers|layer|h|blocks)|^transformer_encoder)\.(\d+)\./.exec(name)?.[1] ?? '',
    );
    if (to === undefined) throw new RangeError(`${name} has no name in GGUF here`);
    const isQuery = /\.q_proj\.(weight|bias)$/.test(name);
    const heads = numberOf(config, 'num_attention_heads', 'n_head', 'n_heads') ?? 1;
    let own = tensor;
    if (rows === 'neighbours' && (isQuery || /\.k_proj\.(weight|bias)$/.test(name)))
      own = reordered(tensor, isQuery ? heads : (numberOf(config, 'num_key_value_heads') ?? heads));
    if (addsOne && (addsOne === true ? /norm\.weight$/ : addsOne).test(name))
      own = { ...tensor, data: tensor.data.map((gain) => gain + 1) };
    if (turned?.test(name)) own = transposed(tensor);
    if (parted && name.includes('query_key_value')) own = inParts(tensor, config, heads);
    if (pattern.includes('{e}')) experts.set(to, [...(experts.get(to) ?? []), own]);
    else
      yield [
        to,
        { ...own, shape: /ssm_[ad]$|lerp_fused/.test(to) ? own.shape : own.shape.filter((axis) => axis !== 1) },
      ];
  }
  for (const [name, all] of experts) {
    yield [name, { shape: [all.length, ...(all[0]?.shape ?? [])], data: concatenated(all.map(({ data }) => data)) }];
  }
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
}

/** Within each head, row 2i is row i, and row 2i + 1 is row i + d/2. */
function reordered({ shape, data }: CheckpointTensor, heads: number): CheckpointTensor {
  const [rows = 1, width = 1] = shape;
  const d = rows / heads;
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const within = row % d;
    const from = row - within + Math.floor(within / 2) + (within % 2) * (d / 2);
    out.set(data.subarray(from * width, (from + 1) * width), row * width);
  }
  return { shape, data: out };
}

/** Experts of gpt-oss, [experts, inputs, outputs] with alternating gate and up, as three tensors [experts, outputs, inputs]. */
function takenOutOfTurns([name, tensor]: Named): readonly Named[] {
  const [, before, which, bias] = /^(.*experts\.)(gate_up_proj|down_proj)(_bias)?$/.exec(name) ?? [];
  if (which === undefined) return [[name, tensor]];
  const { shape, data } = tensor;
  const [experts = 1, ...rest] = shape;
  const [inputs, columns] = bias === undefined ? [rest[0] ?? 1, rest[1] ?? 1] : [1, rest[0] ?? 1];
  const maps = which === 'down_proj' ? ['down_proj'] : ['gate_proj', 'up_proj'];
  const outputs = columns / maps.length;
  return maps.map((map, first) => {
    const out = Float32Array.from({ length: experts * outputs * inputs }, (_, at) => {
      const [expert, output, input] = [
        Math.floor(at / (outputs * inputs)),
        Math.floor(at / inputs) % outputs,
        at % inputs,
      ];
      return data[(expert * inputs + input) * columns + output * maps.length + first] ?? NaN;
    });
    const of = bias === undefined ? [experts, outputs, inputs] : [experts, outputs];
    return [`${before}${map}${bias ?? ''}`, { shape: of, data: out }];
  });
}

/** Rows in groups of queries, a key and a value are reordered to all queries, all keys and all values. */
function inParts({ shape, data }: CheckpointTensor, config: Config, heads: number): CheckpointTensor {
  const [rows = 1, width = 1] = shape;
  const groups = config['model_type'] === 'falcon' ? falconKeys(config) : heads;
  const each = heads / groups;
  const d = rows / (groups * (each + 2));
  const order = ['queries', 'keys', 'values'].flatMap((_, part) =>
    Array.from({ length: groups }, (_group, group) => {
      const first = group * (each + 2) * d + (part === 0 ? 0 : (each + part - 1) * d);
      return Array.from({ length: part === 0 ? each * d : d }, (_row, row) => first + row);
    }).flat(),
  );
  const out = new Float32Array(data.length);
  order.forEach((from, row) => out.set(data.subarray(from * width, (from + 1) * width), row * width));
  return { shape, data: out };
}

function transposed({ shape: [rows = 1, columns = 1], data }: CheckpointTensor): CheckpointTensor {
  const out = Float32Array.from(
    { length: data.length },
    (_, at) => data[(at % rows) * columns + Math.floor(at / rows)] ?? 0,
  );
  return { shape: [columns, rows], data: out };
}

interface RopeParameters {
  readonly rope_type?: string;
  readonly rope_theta?: number;
  readonly factor?: number;
  readonly [key: string]: unknown;
}

/** The parameters of the rotation; those of full layers if kinds of layers have their own. */
function ropeOf(config: Config): RopeParameters {
  // The keys of transformers 5, else those before it.
  const older = { ...(config['rope_scaling'] ?? {}), rope_theta: numberOf(config, 'rope_theta') };
  const found = (config['rope_parameters'] ?? older) as RopeParameters;
  return (found['full_attention'] as RopeParameters | undefined) ?? found;
}

function headDimOf(config: Config): number {
  const hidden = numberOf(config, 'hidden_size', 'n_embd', 'd_model', 'n_embed') ?? 0;
  return numberOf(config, 'head_dim') ?? hidden / (numberOf(config, 'num_attention_heads', 'n_head', 'n_heads') ?? 1);
}

/** Tables of the rotation: the divisors of the frequencies in Llama 3's form, and both lists of longrope. */
function* tablesOf(config: Config): Generator<Named> {
  const rope = ropeOf(config);
  const number = (key: string): number => (typeof rope[key] === 'number' ? rope[key] : 0);
  const table = (values: readonly number[]): CheckpointTensor => ({
    shape: [values.length],
    data: Float32Array.from(values),
  });
  if (rope.rope_type === 'llama3') {
    const d = headDimOf(config);
    const [original, low, high, factor] = [
      number('original_max_position_embeddings'),
      number('low_freq_factor'),
      number('high_freq_factor'),
      number('factor'),
    ];
    const factors = Array.from({ length: d / 2 }, (_, i) => {
      const wave = 2 * Math.PI * (rope.rope_theta ?? 10000) ** ((2 * i) / d);
      if (wave < original / high) return 1;
      if (wave > original / low) return factor;
      const smooth = (original / wave - low) / (high - low);
      return 1 / ((1 - smooth) / factor + smooth);
    });
    yield ['rope_freqs.weight', table(factors)];
  }
  if (rope.rope_type === 'longrope') {
    yield ['rope_factors_long.weight', table(rope['long_factor'] as readonly number[])];
    yield ['rope_factors_short.weight', table(rope['short_factor'] as readonly number[])];
  }
}

function valuesOf(config: Config, { architecture, values }: Conversion): Values {
  const heads = numberOf(config, 'num_attention_heads', 'n_head', 'n_heads') ?? 1;
  const hidden = numberOf(config, 'hidden_size', 'n_embd', 'd_model', 'n_embed') ?? 0;
  const rope = ropeOf(config);
  const partial = numberOf(rope, 'partial_rotary_factor') ?? numberOf(config, 'partial_rotary_factor') ?? 1;
  const context = numberOf(config, 'max_position_embeddings', 'n_positions', 'seq_length', 'max_seq_len') ?? 2048;
  const rms = numberOf(config, 'rms_norm_eps');
  const layer = numberOf(config, 'layer_norm_epsilon', 'layer_norm_eps', 'norm_epsilon', 'norm_eps');
  const original = numberOf(rope, 'original_max_position_embeddings');
  const own: Values = {
    context_length: u32(context),
    embedding_length: u32(hidden),
    block_count: u32(numberOf(config, 'num_hidden_layers', 'n_layer', 'n_layers') ?? 0),
    feed_forward_length: u32(numberOf(config, 'intermediate_size', 'n_inner') ?? 4 * hidden),
    'attention.head_count': u32(heads),
    'attention.head_count_kv': u32(numberOf(config, 'num_key_value_heads') ?? heads),
    ...(config['head_dim'] === undefined
      ? {}
      : { 'attention.key_length': u32(headDimOf(config)), 'attention.value_length': u32(headDimOf(config)) }),
    ...(rms === undefined ? {} : { 'attention.layer_norm_rms_epsilon': { f32: rms } }),
    ...(layer === undefined ? {} : { 'attention.layer_norm_epsilon': { f32: layer } }),
    ...(rope.rope_theta === undefined
      ? {}
      : { 'rope.freq_base': { f32: rope.rope_theta }, 'rope.dimension_count': u32(headDimOf(config) * partial) }),
    ...(rope.rope_type === 'linear' || rope.rope_type === 'yarn'
      ? { 'rope.scaling.type': rope.rope_type, 'rope.scaling.factor': { f32: rope.factor ?? 1 } }
      : {}),
    ...((rope.rope_type === 'yarn' || rope.rope_type === 'longrope') && original !== undefined
      ? { 'rope.scaling.original_context_length': u32(original) }
      : {}),
    ...(rope.rope_type === 'longrope' && original !== undefined
      ? { 'rope.scaling.attn_factor': { f32: Math.sqrt(1 + Math.log(context / original) / Math.log(original)) } }
      : {}),
    vocab_size: u32(numberOf(config, 'vocab_size') ?? 0),
    ...values?.(config),
  };
  return {
    'general.architecture': architecture,
    ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value])),
    'tokenizer.ggml.model': 'no_vocab',
    ...endsOf(config),
  };
}

/** A vocabulary of names, with which llama.cpp reads token ids. */
export const namedVocabulary = (count: number): Values => ({
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'gpt-2',
  'tokenizer.ggml.tokens': { list: Array.from({ length: count }, (_, id) => `<${id}>`) },
  'tokenizer.ggml.token_type': { list: Array.from({ length: count }, () => ({ i32: 1 })) },
  'tokenizer.ggml.merges': list('a b'),
});

function endsOf(config: Config): Values {
  const [first, last] = [numberOf(config, 'bos_token_id'), numberOf(config, 'eos_token_id')];
  return {
    ...(first === undefined ? {} : { 'tokenizer.ggml.bos_token_id': u32(first) }),
    ...(last === undefined ? {} : { 'tokenizer.ggml.eos_token_id': u32(last) }),
  };
}

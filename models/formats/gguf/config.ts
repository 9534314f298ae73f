/**
 * The metadata of a GGUF file as the configuration that transformers would write for the same model, so that families and
 * estimates are those of any other checkpoint. Keys: llama.cpp, gguf-py/gguf/constants.py and what conversion writes to
 * them (October 2026).
 */
import type { JsonObject } from '../config/config-reader';
import type { JsonValue } from '../model-description';
import type { GgufTensor } from './header';
import type { Metadata } from './metadata';

/** `general.architecture` -> `model_type`, where they differ by more than a hyphen. */
const modelTypes: Readonly<Record<string, string>> = {
  llama4: 'llama4_text',
  qwen2moe: 'qwen2_moe',
  qwen2vl: 'qwen2_vl_text',
  qwen3moe: 'qwen3_moe',
  qwen3vl: 'qwen3_vl_text',
  qwen3vlmoe: 'qwen3_vl_moe_text',
  qwen3next: 'qwen3_next',
  qwen35: 'qwen3_5_text',
  qwen35moe: 'qwen3_5_moe_text',
  gemma3: 'gemma3_text',
  gemma3n: 'gemma3n_text',
  gemma4: 'gemma4_text',
  phi2: 'phi',
  gptneox: 'gpt_neox',
  starcoder: 'gpt_bigcode',
  'command-r': 'cohere',
  granitehybrid: 'granitemoehybrid',
  'gpt-oss': 'gpt_oss',
  glm4moe: 'glm4_moe',
  'glm-dsa': 'glm_moe_dsa',
  mistral3: 'ministral3',
  'hunyuan-dense': 'hunyuan_v1_dense',
  'hunyuan-moe': 'hunyuan_v1_moe',
  lfm2moe: 'lfm2_moe',
  nemotron_h_moe: 'nemotron_h',
  'modern-bert': 'modernbert',
  'neo-bert': 'neobert',
  deci: 'nemotron-nas',
  t5encoder: 't5',
};

/** `expert_gating_func` of DeepSeek-V3, whose architecture has the name of DeepSeek-V2's. */
const sigmoid = 2;

function modelTypeOf(metadata: Metadata): string | undefined {
  const { architecture } = metadata;
  if (architecture === undefined) return undefined;
  const experts = metadata.ownNumber('expert_count') ?? 0;
  // Mixtral is converted under the name of its attention.
  if (architecture === 'llama' && experts > 0) return 'mixtral';
  if (architecture === 'deepseek2') {
    return metadata.ownNumber('expert_gating_func') === sigmoid ? 'deepseek_v3' : 'deepseek_v2';
  }
  return Object.hasOwn(modelTypes, architecture) ? modelTypes[architecture] : architecture.replaceAll('-', '_');
}

/** Widths of the heads: those of MLA are given beside those of its latent since April 2025. */
export function headWidths(metadata: Metadata): { readonly key?: number; readonly value?: number } {
  const embedding = metadata.ownNumber('embedding_length');
  const heads = metadata.perLayer('attention.head_count')?.largest;
  const plain = embedding === undefined || heads === undefined || heads < 1 ? undefined : Math.floor(embedding / heads);
  const key = metadata.ownNumber('attention.key_length_mla') ?? metadata.ownNumber('attention.key_length') ?? plain;
  const value =
    metadata.ownNumber('attention.value_length_mla') ?? metadata.ownNumber('attention.value_length') ?? plain;
  return { ...(key === undefined ? {} : { key }), ...(value === undefined ? {} : { value }) };
}

/** The highest block that a tensor names, plus one. */
export function blocksOf(tensors: readonly GgufTensor[]): number {
  let blocks = 0;
  for (const { name } of tensors) {
    const block = /^blk\.(\d{1,6})\./.exec(name)?.[1];
    if (block !== undefined) blocks = Math.max(blocks, Number(block) + 1);
  }
  return blocks;
}

/** Blocks of the model itself: those that predict further tokens (`nextn`) stand behind them. */
export const blockCount = (metadata: Metadata): number | undefined => {
  const count = metadata.ownNumber('block_count');
  return count === undefined ? undefined : Math.max(0, count - (metadata.ownNumber('nextn_predict_layers') ?? 0));
};

export function vocabularySize(metadata: Metadata, tensors: readonly GgufTensor[]): number | undefined {
  return (
    tensors.find(({ name }) => name === 'token_embd.weight')?.shape[0] ??
    metadata.ownNumber('vocab_size') ??
    metadata.length('tokenizer.ggml.tokens')
  );
}

/** Scaling of which the file has the outcome alone: the form of Llama 3 in one tensor, longrope in two. */
function scalingTensors(tensors: readonly GgufTensor[]): JsonObject | null {
  if (tensors.some(({ name }) => name === 'rope_freqs.weight')) return { rope_type: 'llama3' };
  return tensors.some(({ name }) => name === 'rope_factors_long.weight') ? { rope_type: 'longrope' } : null;
}

function ropeOf(metadata: Metadata, headDim: number | undefined, tensors: readonly GgufTensor[]): JsonObject {
  const base = metadata.ownNumber('rope.freq_base');
  const dimensions = metadata.ownNumber('rope.dimension_count');
  // Files of 2023 have the second name. A factor of which nothing more is said divides positions; 0 stands for none.
  const factor = (metadata.ownNumber('rope.scaling.factor') ?? metadata.ownNumber('rope.scale_linear')) || undefined;
  if (base === undefined && dimensions === undefined && factor === undefined) return {};
  const type = metadata.text(metadata.own('rope.scaling.type')) ?? 'linear';
  const original = metadata.ownNumber('rope.scaling.original_context_length');
  const [fast, slow] = ['fast', 'slow'].map((end) => metadata.ownNumber(`rope.scaling.yarn_beta_${end}`));
  // What conversion finds as attention_factor in a config.
  const lengthened = metadata.ownNumber('rope.scaling.attn_factor');
  const scaled = type !== 'none' && factor !== undefined && !(type === 'linear' && factor === 1);
  const isPartial = dimensions !== undefined && headDim !== undefined && dimensions < headDim && dimensions > 0;
  const local = metadata.ownNumber('rope.freq_base_swa');
  return {
    // What llama.cpp takes where the file names none.
    rope_theta: base ?? 10000,
    ...(local === undefined ? {} : { rope_local_base_freq: local }),
    ...(isPartial ? { partial_rotary_factor: dimensions / headDim } : {}),
    rope_scaling: scaled
      ? {
          rope_type: type,
          factor,
          ...(original === undefined ? {} : { original_max_position_embeddings: original }),
          ...(fast === undefined ? {} : { beta_fast: fast }),
          ...(slow === undefined ? {} : { beta_slow: slow }),
          ...(type !== 'yarn' || lengthened === undefined || lengthened === 1 ? {} : { attention_factor: lengthened }),
        }
      : scalingTensors(tensors),
  };
}

function expertsOf(metadata: Metadata): JsonObject {
  const count = metadata.ownNumber('expert_count') ?? 0;
  if (count === 0) return {};
  const size = metadata.ownNumber('expert_feed_forward_length');
  const shared = metadata.ownNumber('expert_shared_count');
  const sharedSize = metadata.ownNumber('expert_shared_feed_forward_length');
  const dense = metadata.ownNumber('leading_dense_block_count');
  return {
    // Families name the number differently; each reads its own.
    num_experts: count,
    num_local_experts: count,
    n_routed_experts: count,
    num_experts_per_tok: metadata.ownNumber('expert_used_count') ?? 0,
    ...(size === undefined ? {} : { moe_intermediate_size: size }),
    ...(shared === undefined ? {} : { n_shared_experts: shared }),
    ...(sharedSize === undefined ? {} : { shared_expert_intermediate_size: sharedSize }),
    ...(dense === undefined ? {} : { first_k_dense_replace: dense }),
  };
}

function latentOf(metadata: Metadata): JsonObject {
  const rank = metadata.ownNumber('attention.kv_lora_rank');
  if (rank === undefined) return {};
  const rotary = metadata.ownNumber('rope.dimension_count') ?? 0;
  const { key = 0, value = 0 } = headWidths(metadata);
  return {
    kv_lora_rank: rank,
    q_lora_rank: metadata.ownNumber('attention.q_lora_rank') ?? null,
    qk_rope_head_dim: rotary,
    qk_nope_head_dim: Math.max(0, key - rotary),
    v_head_dim: value,
    // The converted file gives the one head of the latent.
    num_key_value_heads: metadata.perLayer('attention.head_count')?.largest ?? 0,
  };
}

/** Window layers: a list of flags, or every n-th layer attends to everything; else the family's own order. */
function windowOf(metadata: Metadata): JsonObject {
  const window = metadata.ownNumber('attention.sliding_window');
  // Files of Gemma 2 may lack the window that llama.cpp knows; in all others none is meant.
  if (window === undefined) return metadata.architecture === 'gemma2' ? {} : { sliding_window: null };
  const pattern = metadata.list(metadata.own('attention.sliding_window_pattern'));
  const period = metadata.ownNumber('attention.sliding_window_pattern');
  return {
    sliding_window: window > 0 ? window : null,
    ...(window > 0 ? { use_sliding_window: true, max_window_layers: 0 } : {}),
    ...(window > 0 && pattern !== undefined
      ? {
          layer_types: pattern.map((slides) =>
            slides === true || slides === 1 ? 'sliding_attention' : 'full_attention',
          ),
        }
      : {}),
    ...(period === undefined ? {} : { sliding_window_pattern: period }),
  };
}

/** What sees for a language model lies in a file of its own (`mmproj`). */
function towerOf(metadata: Metadata): JsonObject | undefined {
  const tower = (key: string): number | undefined => metadata.ownNumber(`vision.${key}`);
  const [hidden, layers] = [tower('embedding_length'), tower('block_count')];
  if (hidden === undefined || layers === undefined) return undefined;
  return {
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: tower('attention.head_count') ?? 0,
    intermediate_size: tower('feed_forward_length') ?? 0,
    image_size: tower('image_size') ?? 0,
    patch_size: tower('patch_size') ?? 0,
  };
}

/** Undefined: the file describes no stack of layers. */
export function configOf(metadata: Metadata, tensors: readonly GgufTensor[]): JsonObject | undefined {
  if (metadata.architecture === 'clip') return towerOf(metadata);
  const embedding = metadata.ownNumber('embedding_length');
  const blocks = blockCount(metadata) ?? (blocksOf(tensors) || undefined);
  const heads = metadata.perLayer('attention.head_count');
  if (embedding === undefined || blocks === undefined) return undefined;
  const written = modelTypeOf(metadata);
  const recurrent = metadata.hasAny(metadata.own('ssm.')) || metadata.hasAny(metadata.own('wkv.'));
  // Defaults of a family stand for what its configurations leave out; a header leaves out what it does not have.
  const modelType = heads === undefined && !recurrent ? undefined : written;
  const isCausal = metadata.flag(metadata.own('attention.causal')) !== false;
  const widths = headWidths(metadata);
  const keyValueHeads = metadata.perLayer('attention.head_count_kv') ?? heads;
  const feedForward = metadata.perLayer('feed_forward_length')?.largest;
  const optional = (key: string, value: JsonValue | undefined): JsonObject =>
    value === undefined ? {} : { [key]: value };
  const number = (key: string, name: string): JsonObject => optional(key, metadata.ownNumber(name));
  return {
    ...optional('model_type', modelType),
    ...(isCausal && modelType === undefined ? { architectures: ['ForCausalLM'] } : {}),
    hidden_size: embedding,
    num_hidden_layers: blocks,
    ...optional('num_attention_heads', heads?.largest),
    ...optional('num_key_value_heads', keyValueHeads?.largest),
    ...optional('head_dim', widths.key),
    ...optional('intermediate_size', feedForward),
    ...optional('vocab_size', vocabularySize(metadata, tensors)),
    ...number('max_position_embeddings', 'context_length'),
    ...number('rms_norm_eps', 'attention.layer_norm_rms_epsilon'),
    ...number('layer_norm_epsilon', 'attention.layer_norm_epsilon'),
    ...number('attn_logit_softcapping', 'attn_logit_softcapping'),
    ...number('final_logit_softcapping', 'final_logit_softcapping'),
    ...number('num_kv_shared_layers', 'attention.shared_kv_layers'),
    ...number('full_attention_interval', 'full_attention_interval'),
    // The names of T5, whose file has two stacks.
    ...(written === 't5'
      ? {
          architectures: [metadata.architecture === 't5encoder' ? 'T5EncoderModel' : 'T5ForConditionalGeneration'],
          num_layers: blocks,
          num_decoder_layers: metadata.ownNumber('decoder_block_count') ?? blocks,
          ...optional('num_heads', heads?.largest),
          ...optional('d_kv', widths.key),
          ...optional('d_ff', feedForward),
        }
      : {}),
    ...number('state_size', 'ssm.state_size'),
    ...number('conv_kernel', 'ssm.conv_kernel'),
    ...number('head_size', 'wkv.head_size'),
    ...ropeOf(metadata, widths.key, tensors),
    ...expertsOf(metadata),
    ...latentOf(metadata),
    ...windowOf(metadata),
    tie_word_embeddings: !tensors.some(({ name }) => name === 'output.weight'),
    // The cache of llama.cpp, unless it is told otherwise.
    torch_dtype: 'float16',
  };
}

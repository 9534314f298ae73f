/**
 * Types whose config class has a head width of its own that does not follow from hidden_size / heads when head_dim is
 * absent (transformers 4.57: GemmaConfig 256, Qwen3Config 128, GptOssConfig 64, T5Config.d_kv 64, …).
 */
export const headWidthByClass: ReadonlySet<string> = new Set([
  'gemma',
  'gemma2',
  'gemma3',
  'gemma3_text',
  'glm',
  'glm4',
  'glm4_moe',
  'gpt_oss',
  'mt5',
  'qwen3',
  'qwen3_5',
  'qwen3_5_moe',
  'qwen3_5_moe_text',
  'qwen3_5_text',
  'qwen3_next',
  'qwen3_vl',
  'qwen3_vl_text',
  'qwen3_vl_moe',
  'qwen3_vl_moe_text',
  'smolvlm',
  't5',
  'umt5',
]);

/**
 * Types whose layers have no scores to keep: state spaces and linear attention (transformers, flash-linear-attention). Hybrids
 * are not meant.
 */
export const scorelessTypes: ReadonlySet<string> = new Set([
  'abc',
  'comba',
  'delta_net',
  'falcon_mamba',
  'gated_deltanet',
  'gated_deltaproduct',
  'gla',
  'gsa',
  'hgrn',
  'hgrn2',
  'kda',
  'lightnet',
  'linear_attn',
  'log_linear_mamba2',
  'mamba',
  'mamba2',
  'mesa_net',
  'retnet',
  'rodimus',
  'rwkv',
  'rwkv5',
  'rwkv6',
  'rwkv7',
  'simple_gla',
  'xlstm',
]);

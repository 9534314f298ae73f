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
  'nemotron_h',
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
  'reformer',
  'smolvlm',
  't5',
  'umt5',
  'zamba2',
]);

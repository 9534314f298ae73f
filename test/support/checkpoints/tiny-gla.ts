/** Configs of gated linear attention (flash-linear-attention), which gated-linear.test.ts computes from its definition. */
const config = {
  ...{ model_type: 'gla', architectures: ['GLAForCausalLM'], num_hidden_layers: 2, hidden_size: 24, num_heads: 4 },
  ...{ expand_k: 0.5, expand_v: 1, intermediate_size: 20, hidden_act: 'swish', norm_eps: 1e-6, vocab_size: 61 },
  ...{ clamp_min: null, use_gk: true, use_gv: false, fuse_norm: true, tie_word_embeddings: false },
};

export const tinyGla = [
  { name: 'as published', config },
  {
    name: 'keys that heads share, through relu, without a gate',
    config: { ...config, num_kv_heads: 2, feature_map: 'relu', use_output_gate: false },
  },
  {
    name: 'decays with a lower bound, and a norm apart from its gate',
    config: { ...config, clamp_min: -0.03, fuse_norm: false, expand_k: 1 },
  },
  {
    name: 'wider values, norms without weights, a network by its ratio',
    config: { ...config, expand_v: 2, elementwise_affine: false, intermediate_size: null, hidden_ratio: 2 },
  },
] as const;

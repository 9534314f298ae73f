/** Configs of RWKV-6 (code of its repository), which rwkv6.test.ts computes from its definition. */
const config = {
  ...{ model_type: 'rwkv6', architectures: ['Rwkv6ForCausalLM'], num_hidden_layers: 2, hidden_size: 24, head_size: 6 },
  ...{ attention_hidden_size: 24, intermediate_size: 20, layer_norm_epsilon: 1e-5, rescale_every: 6, vocab_size: 61 },
  ...{ context_length: 4096, tie_word_embeddings: false },
};

export const tinyRwkv6 = [
  { name: 'as published', config },
  {
    name: 'wider heads, another epsilon of their norms, a network by its ratio',
    config: { ...config, head_size: 12, head_size_divisor: 30, attention_hidden_size: null, intermediate_size: null },
  },
] as const;

import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { honoured, idle, llamaLikeKeys } from '../shared/run-keys';

/** The names that Llama's checkpoints set and most families since have kept. */
export const llamaLayout: DecoderLayout = {
  root: 'model.',
  embedding: 'embed_tokens',
  layer: 'layers.{layer}.',
  attention: {
    prefix: 'self_attn.',
    projections: ['q_proj', 'k_proj', 'v_proj'],
    output: 'o_proj',
    inputBias: (part) => flag(part, 'attention_bias'),
    outputBias: (part) => flag(part, 'attention_bias'),
  },
  mlp: {
    prefix: 'mlp.',
    inputs: ['gate_proj', 'up_proj'],
    output: 'down_proj',
    bias: (part) => flag(part, 'mlp_bias'),
  },
  norms: ['input_layernorm', 'post_attention_layernorm'],
  finalNorm: 'norm',
};

const noBias = { inputBias: false, outputBias: false } as const;

/** Of LlamaConfig; GraniteConfig and DeepseekV2Config took them over. */
export const llamaDefaults = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  hidden_act: 'silu',
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  attention_bias: false,
  mlp_bias: false,
};

export const llamaKeys = {
  ...llamaLikeKeys,
  ...honoured('attention_bias', 'mlp_bias'),
  ...idle('the same products in pieces', 'pretraining_tp'),
};

export const llama = decoderFamily({
  id: 'llama',
  title: 'Llama',
  types: {
    llama: [
      'LlamaConfig',
      {
        ...llamaDefaults,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^L[Ll]a[Mm][Aa]For/,
  run: llamaKeys,
  layout: llamaLayout,
});

export const mistral = decoderFamily({
  id: 'mistral',
  title: 'Mistral',
  types: {
    mistral: [
      'MistralConfig',
      {
        vocab_size: 32000,
        hidden_size: 4096,
        intermediate_size: 14336,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        sliding_window: 4096,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^MistralFor/,
  run: { ...llamaLikeKeys, ...honoured('sliding_window') },
  layout: { ...llamaLayout, attention: { ...llamaLayout.attention, ...noBias } },
});

export const mixtral = decoderFamily({
  id: 'mixtral',
  title: 'Mixtral',
  types: {
    mixtral: [
      'MixtralConfig',
      {
        vocab_size: 32000,
        hidden_size: 4096,
        intermediate_size: 14336,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        rope_theta: 1000000,
        sliding_window: null,
        num_experts_per_tok: 2,
        num_local_experts: 8,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^MixtralFor/,
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, ...noBias },
    experts: separateExperts({ prefix: 'block_sparse_moe.', router: 'gate', projections: ['w1', 'w3', 'w2'] }),
  },
});

export const smollm3 = decoderFamily({
  id: 'smollm3',
  title: 'SmolLM3',
  types: {
    smollm3: [
      'SmolLM3Config',
      {
        vocab_size: 128256,
        hidden_size: 2048,
        intermediate_size: 11008,
        num_hidden_layers: 36,
        num_attention_heads: 16,
        num_key_value_heads: 4,
        hidden_act: 'silu',
        max_position_embeddings: 32768,
        rms_norm_eps: 1e-6,
        rope_theta: 2000000,
        use_sliding_window: false,
        no_rope_layer_interval: 4,
        attention_bias: false,
        mlp_bias: false,
        bos_token_id: 128000,
        eos_token_id: 128001,
        pad_token_id: 128004,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^SmolLM3For/,
  tied: true,
  record: ['attention_bias', 'mlp_bias', 'use_sliding_window'],
  choice: (reader) => {
    const interval = reader.has('no_rope_layers') ? undefined : reader.integer('no_rope_layer_interval', 1);
    return interval === undefined ? {} : { unrotated: (index) => (index + 1) % interval === 0 };
  },
  layout: llamaLayout,
});

export const granite = decoderFamily({
  id: 'granite',
  title: 'Granite',
  types: {
    granite: [
      'GraniteConfig',
      {
        ...llamaDefaults,
        embedding_multiplier: 1,
        logits_scaling: 1,
        residual_multiplier: 1,
        attention_multiplier: 1,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^GraniteFor/,
  record: [
    'attention_bias',
    'mlp_bias',
    'embedding_multiplier',
    'logits_scaling',
    'residual_multiplier',
    'attention_multiplier',
  ],
  layout: llamaLayout,
});

export const graniteMoe = decoderFamily({
  id: 'granitemoe',
  title: 'Granite MoE',
  types: {
    granitemoe: [
      'GraniteMoeConfig',
      {
        vocab_size: 32000,
        hidden_size: 4096,
        intermediate_size: 11008,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        hidden_act: 'silu',
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        attention_bias: false,
        num_local_experts: 8,
        num_experts_per_tok: 2,
        embedding_multiplier: 1,
        logits_scaling: 1,
        residual_multiplier: 1,
        attention_multiplier: 1,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^GraniteMoeFor/,
  record: ['attention_bias', 'embedding_multiplier', 'logits_scaling', 'residual_multiplier', 'attention_multiplier'],
  layout: {
    ...llamaLayout,
    experts: (writer, feedForward, _layer, part) => {
      const { experts, size } = feedForward;
      if (experts === undefined) return;
      const own = writer.under('block_sparse_moe.');
      own.add('router', 'router.layer.weight', [experts.count, part.hiddenSize]);
      own.stacked(experts, 'input_linear.weight', [2 * size, part.hiddenSize]);
      own.stacked(experts, 'output_linear.weight', [part.hiddenSize, size]);
    },
  },
});

export const starcoder2 = decoderFamily({
  id: 'starcoder2',
  title: 'StarCoder2',
  types: {
    starcoder2: [
      'Starcoder2Config',
      {
        vocab_size: 49152,
        hidden_size: 3072,
        intermediate_size: 12288,
        num_hidden_layers: 30,
        num_attention_heads: 24,
        num_key_value_heads: 2,
        hidden_act: 'gelu_pytorch_tanh',
        max_position_embeddings: 4096,
        norm_epsilon: 1e-5,
        rope_theta: 10000,
        sliding_window: null,
        use_bias: true,
        bos_token_id: 50256,
        eos_token_id: 50256,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^Starcoder2For/,
  tied: true,
  record: ['use_bias'],
  choice: () => ({ gated: false, norm: 'layer' }),
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: (part) => flag(part, 'use_bias', true),
      outputBias: (part) => flag(part, 'use_bias', true),
    },
    mlp: { prefix: 'mlp.', inputs: ['c_fc'], output: 'c_proj', bias: (part) => flag(part, 'use_bias', true) },
    normBias: true,
  },
});

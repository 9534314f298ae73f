/** Decoders in Llama's names with one thing changed, that transformers 5 brought. */
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { transformers5 } from '../shared/family-row';
import { graniteMoe, llamaDefaults, llamaLayout } from './llama';

const projections = ['gate_proj', 'up_proj', 'down_proj'] as const;
const plain = { ...llamaLayout, attention: { ...llamaLayout.attention, outputBias: false } };

export const helium = decoderFamily({
  id: 'helium',
  title: 'Helium',
  release: transformers5,
  types: {
    helium: [
      'HeliumConfig',
      {
        vocab_size: 48000,
        hidden_size: 2560,
        intermediate_size: 7040,
        num_hidden_layers: 24,
        num_attention_heads: 20,
        num_key_value_heads: 20,
        head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-8,
        rope_theta: 100000,
        attention_bias: false,
        mlp_bias: false,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^HeliumFor/,
  record: ['attention_bias', 'mlp_bias'],
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: plain,
});

/** Code World Model: three layers with a window follow each full one. */
export const cwm = decoderFamily({
  id: 'cwm',
  title: 'CWM',
  release: transformers5,
  types: {
    cwm: [
      'CwmConfig',
      {
        vocab_size: 128256,
        hidden_size: 6144,
        intermediate_size: 21504,
        num_hidden_layers: 64,
        num_attention_heads: 48,
        num_key_value_heads: 8,
        head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        rope_theta: 1000000,
        sliding_window: 8192,
        mlp_bias: false,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^CwmFor/,
  record: ['mlp_bias'],
  choice: () => ({ windowed: (index) => index % 4 !== 0 }),
  layout: plain,
});

/** Layer norms, and a plain network of squared positive parts. */
export const jais2 = decoderFamily({
  id: 'jais2',
  title: 'Jais 2',
  release: transformers5,
  types: {
    jais2: [
      'Jais2Config',
      {
        vocab_size: 150272,
        hidden_size: 3328,
        intermediate_size: 26624,
        num_hidden_layers: 32,
        num_attention_heads: 26,
        num_key_value_heads: 26,
        head_dim: 128,
        hidden_act: 'relu2',
        max_position_embeddings: 8192,
        layer_norm_eps: 1e-5,
        rope_theta: 10000,
        attention_bias: true,
        mlp_bias: true,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^Jais2For/,
  record: ['attention_bias', 'mlp_bias'],
  choice: () => ({ gated: false, norm: 'layer' }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, inputs: ['up_proj'] }, normBias: true },
});

/** No norm has a weight. */
export const nanoChat = decoderFamily({
  id: 'nanochat',
  title: 'nanochat',
  release: transformers5,
  types: {
    nanochat: [
      'NanoChatConfig',
      {
        vocab_size: 50304,
        hidden_size: 768,
        intermediate_size: 8192,
        num_hidden_layers: 12,
        num_attention_heads: 6,
        num_key_value_heads: 6,
        hidden_act: 'relu2',
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        final_logit_softcapping: 15,
        attention_bias: false,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^NanoChatFor/,
  record: ['attention_bias'],
  choice: () => ({ gated: false }),
  layout: {
    root: 'model.',
    embedding: 'embed_tokens',
    layer: 'layers.{layer}.',
    attention: llamaLayout.attention,
    mlp: { prefix: 'mlp.', inputs: ['fc1'], output: 'fc2' },
    norms: [],
  },
});

/** Gemma 2 without the norms behind attention and network. */
export const vaultGemma = decoderFamily({
  id: 'vaultgemma',
  title: 'VaultGemma',
  release: transformers5,
  types: {
    vaultgemma: [
      'VaultGemmaConfig',
      {
        vocab_size: 256000,
        hidden_size: 2304,
        intermediate_size: 9216,
        num_hidden_layers: 26,
        num_attention_heads: 8,
        num_key_value_heads: 4,
        head_dim: 256,
        hidden_activation: 'gelu_pytorch_tanh',
        max_position_embeddings: 8192,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        sliding_window: 4096,
        query_pre_attn_scalar: 256,
        attn_logit_softcapping: 50,
        final_logit_softcapping: 30,
        attention_bias: false,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^VaultGemmaFor/,
  tied: true,
  record: ['attention_bias', 'query_pre_attn_scalar'],
  choice: () => ({ windowed: (index) => index % 2 === 0 }),
  layout: { ...llamaLayout, norms: ['input_layernorm', 'pre_feedforward_layernorm'] },
});

/** OLMo 2's norms around experts. */
export const flexOlmo = decoderFamily({
  id: 'flex_olmo',
  title: 'FlexOlmo',
  release: transformers5,
  types: {
    flex_olmo: [
      'FlexOlmoConfig',
      {
        vocab_size: 100352,
        hidden_size: 4096,
        intermediate_size: 11008,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 32,
        hidden_act: 'silu',
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-6,
        rope_theta: 500000,
        num_experts: 7,
        num_experts_per_tok: 5,
        attention_bias: false,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^FlexOlmoFor/,
  record: ['attention_bias'],
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'all' },
    norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
    experts: separateExperts({ prefix: 'mlp.', router: 'gate', projections }),
  },
});

export const solarOpen = decoderFamily({
  id: 'solar_open',
  title: 'Solar Open',
  release: transformers5,
  types: {
    solar_open: [
      'SolarOpenConfig',
      {
        vocab_size: 196608,
        hidden_size: 4096,
        num_hidden_layers: 48,
        num_attention_heads: 64,
        num_key_value_heads: 8,
        head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        rope_theta: 1000000,
        moe_intermediate_size: 1280,
        n_routed_experts: 128,
        n_shared_experts: 1,
        num_experts_per_tok: 8,
        attention_bias: false,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^SolarOpenFor/,
  record: ['attention_bias'],
  layout: {
    ...plain,
    experts: separateExperts({
      prefix: 'mlp.',
      router: 'gate',
      routerBias: 'gate.e_score_correction_bias',
      projections,
      shared: 'shared_experts.',
    }),
  },
});

/** Granite MoE with a network beside the experts, its two inputs in one tensor. */
export const graniteMoeShared = decoderFamily({
  id: 'granitemoeshared',
  title: 'Granite MoE with a shared network',
  release: transformers5,
  types: {
    granitemoeshared: [
      'GraniteMoeSharedConfig',
      { ...graniteMoe.defaults('granitemoe')?.values, shared_intermediate_size: 0 },
    ],
  },
  architectures: /^GraniteMoeSharedFor/,
  record: ['attention_bias', 'embedding_multiplier', 'logits_scaling', 'residual_multiplier', 'attention_multiplier'],
  layout: {
    ...llamaLayout,
    experts: (writer, { experts, size }, _layer, part) => {
      if (experts === undefined) return;
      const hidden = part.hiddenSize;
      const own = writer.under('block_sparse_moe.');
      own.add('router', 'router.layer.weight', [experts.count, hidden]);
      own.stacked(experts, 'input_linear.weight', [2 * size, hidden]);
      own.stacked(experts, 'output_linear.weight', [hidden, size]);
      if (experts.sharedSize === 0) return;
      writer.linear('mlp', 'shared_mlp.input_linear', hidden, 2 * experts.sharedSize, false);
      writer.linear('mlp', 'shared_mlp.output_linear', experts.sharedSize, hidden, false);
    },
  },
});

/** DeepSeek's latent attention in a dense model. */
export const youtu = decoderFamily({
  id: 'youtu',
  title: 'Youtu-LLM',
  release: transformers5,
  types: {
    youtu: [
      'YoutuConfig',
      {
        ...llamaDefaults,
        vocab_size: 128256,
        hidden_size: 2048,
        intermediate_size: 6144,
        num_attention_heads: 16,
        num_key_value_heads: 16,
        max_position_embeddings: 131072,
        q_lora_rank: 1536,
        kv_lora_rank: 512,
        qk_nope_head_dim: 128,
        qk_rope_head_dim: 64,
        v_head_dim: 128,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^YoutuFor/,
  tied: true,
  record: ['attention_bias', 'mlp_bias'],
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, bias: (part) => flag(part, 'mlp_bias') } },
});

export const llamaRelatives = [helium, cwm, jais2, nanoChat, vaultGemma, flexOlmo, solarOpen, graniteMoeShared, youtu];

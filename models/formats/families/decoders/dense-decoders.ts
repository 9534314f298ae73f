import { decoderFamily } from '../shared/decoder-family';
import { remoteCode, transformers5 } from '../shared/family-row';
import { flag } from '../shared/family';
import { ernieLayout } from './ernie-layout';
import { llamaDefaults, llamaLayout } from './llama';

/** Dense decoders that keep Llama's names and differ in biases, norms or the network alone. */

const noBias = { ...llamaLayout.attention, inputBias: false, outputBias: false };

/** Mistral's names; queries are scaled with the logarithm of their position where `llama_4_scaling_beta` is not 0. */
export const ministral3 = decoderFamily({
  id: 'ministral3',
  title: 'Ministral 3',
  release: transformers5,
  types: {
    ministral3: [
      'Ministral3Config',
      {
        vocab_size: 131072,
        hidden_size: 4096,
        intermediate_size: 14336,
        num_hidden_layers: 34,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 262144,
        rms_norm_eps: 1e-5,
        rope_theta: 1000000,
        sliding_window: null,
        pad_token_id: 11,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^Ministral3For/,
  layout: { ...llamaLayout, attention: noBias },
});

/** One projection in and no gate; its activation is the square of the rectifier. */
export const arcee = decoderFamily({
  id: 'arcee',
  title: 'Arcee',
  types: {
    arcee: [
      'ArceeConfig',
      {
        ...llamaDefaults,
        hidden_size: 2560,
        intermediate_size: 18432,
        hidden_act: 'relu2',
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        bos_token_id: 128000,
        eos_token_id: 128001,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^ArceeFor/,
  record: ['attention_bias', 'mlp_bias'],
  choice: () => ({ gated: false }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, inputs: ['up_proj'] } },
});

/** No gate, and an activation (xIELU, arXiv:2411.13010) with two learned numbers a layer. */
export const apertus = decoderFamily({
  id: 'apertus',
  title: 'Apertus',
  types: {
    apertus: [
      'ApertusConfig',
      {
        vocab_size: 131072,
        hidden_size: 4096,
        intermediate_size: 14336,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        hidden_act: 'xielu',
        max_position_embeddings: 65536,
        rms_norm_eps: 1e-5,
        rope_theta: 12000000,
        attention_bias: false,
        pad_token_id: 3,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^ApertusFor/,
  record: ['attention_bias'],
  choice: () => ({ gated: false }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    mlp: { prefix: 'mlp.', inputs: ['up_proj'], output: 'down_proj' },
    norms: ['attention_layernorm', 'feedforward_layernorm'],
    more: (writer, _layer, part) => {
      if (part.activation !== 'xielu') return;
      writer.add('mlp', 'mlp.act_fn.alpha_p', [1]);
      writer.add('mlp', 'mlp.act_fn.alpha_n', [1]);
    },
  },
});

export const seedOss = decoderFamily({
  id: 'seed_oss',
  title: 'Seed-OSS',
  types: {
    seed_oss: [
      'SeedOssConfig',
      {
        vocab_size: 155136,
        hidden_size: 4096,
        intermediate_size: 27648,
        num_hidden_layers: 64,
        num_attention_heads: 80,
        num_key_value_heads: 8,
        head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 524288,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        attention_bias: true,
        attention_out_bias: false,
        mlp_bias: false,
        pad_token_id: 1,
        bos_token_id: 0,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^SeedOssFor/,
  record: ['attention_bias', 'attention_out_bias', 'mlp_bias'],
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, outputBias: (part) => flag(part, 'attention_out_bias') },
  },
});

export const ernie45 = decoderFamily({
  id: 'ernie4_5',
  title: 'ERNIE 4.5',
  types: {
    ernie4_5: [
      'Ernie4_5Config',
      {
        vocab_size: 103424,
        hidden_size: 1024,
        intermediate_size: 3072,
        num_hidden_layers: 18,
        num_attention_heads: 16,
        num_key_value_heads: 2,
        head_dim: 128,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        rope_theta: 500000,
        use_bias: false,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^Ernie4_5For/,
  tied: true,
  record: ['use_bias'],
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: ernieLayout,
});

export const xverse = decoderFamily({
  id: 'xverse',
  title: 'XVERSE',
  release: remoteCode,
  types: { xverse: ['XverseConfig', { tie_word_embeddings: false }] },
  layout: { ...llamaLayout, attention: noBias, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** openPangu Embedded: one key for the biases of all four projections. */
export const panguEmbedded = decoderFamily({
  id: 'pangu_embedded',
  title: 'openPangu Embedded',
  release: remoteCode,
  types: { PanguEmbedded: ['PanguEmbeddedConfig', { bias: true, tie_word_embeddings: false }] },
  record: ['bias'],
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: (part) => flag(part, 'bias', true),
      outputBias: (part) => flag(part, 'bias', true),
    },
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

const miniCpmValues = { hidden_act: 'silu', rms_norm_eps: 1e-6, rope_theta: 10000, attention_bias: false };

/** Scales on embeddings, residuals and logits (arXiv:2404.06395) are no tensors. */
export const miniCpm = decoderFamily({
  id: 'minicpm',
  title: 'MiniCPM',
  release: remoteCode,
  types: { minicpm: ['MiniCPMConfig', { ...miniCpmValues, tie_word_embeddings: true }] },
  tied: true,
  record: ['attention_bias'],
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** Latent attention in a dense model. */
export const miniCpm3 = decoderFamily({
  id: 'minicpm3',
  title: 'MiniCPM3',
  release: transformers5,
  types: {
    minicpm3: [
      'MiniCPM3Config',
      {
        ...miniCpmValues,
        vocab_size: 73448,
        hidden_size: 2560,
        intermediate_size: 6400,
        num_hidden_layers: 62,
        num_attention_heads: 40,
        num_key_value_heads: 40,
        max_position_embeddings: 32768,
        rms_norm_eps: 1e-5,
        bos_token_id: 1,
        eos_token_id: 2,
        qk_nope_head_dim: 64,
        qk_rope_head_dim: 32,
        q_lora_rank: 768,
        kv_lora_rank: 256,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^MiniCPM3For/,
  tied: true,
  record: ['attention_bias'],
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** Weights of three values; a norm before each of the two output projections. */
export const bitNet = decoderFamily({
  id: 'bitnet',
  title: 'BitNet',
  types: {
    bitnet: [
      'BitNetConfig',
      {
        vocab_size: 128256,
        hidden_size: 2560,
        intermediate_size: 6912,
        num_hidden_layers: 30,
        num_attention_heads: 20,
        num_key_value_heads: 5,
        hidden_act: 'relu2',
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        rope_theta: 500000,
        attention_bias: false,
        bos_token_id: 128000,
        eos_token_id: 128001,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^Bit[Nn]etFor/,
  record: ['attention_bias'],
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      more: (writer, _layer, { hiddenSize }) => {
        writer.norm('attn_sub_norm', hiddenSize, false);
      },
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    more: (writer, { feedForward }) => {
      writer.norm('mlp.ffn_sub_norm', feedForward.size, false);
    },
  },
});

export const internLm3 = decoderFamily({
  id: 'internlm3',
  title: 'InternLM3',
  release: remoteCode,
  types: { internlm3: ['InternLM3Config', { qkv_bias: false, bias: false, tie_word_embeddings: false }] },
  architectures: /^InternLM3For/,
  record: ['qkv_bias', 'bias'],
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: (part) => flag(part, 'qkv_bias'),
      outputBias: (part) => flag(part, 'bias'),
    },
    mlp: { ...llamaLayout.mlp, bias: (part) => flag(part, 'bias') },
  },
});

/** Nemotron-4 and Minitron: layer norms with biases, and no gate. */
export const nemotron = decoderFamily({
  id: 'nemotron',
  title: 'Nemotron-4',
  types: {
    nemotron: [
      'NemotronConfig',
      {
        vocab_size: 256000,
        hidden_size: 6144,
        intermediate_size: 24576,
        num_hidden_layers: 32,
        num_attention_heads: 48,
        hidden_act: 'relu2',
        max_position_embeddings: 4096,
        norm_eps: 1e-5,
        rope_theta: 10000,
        partial_rotary_factor: 0.5,
        attention_bias: false,
        mlp_bias: false,
        bos_token_id: 2,
        eos_token_id: 3,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^NemotronForCausalLM/,
  record: ['attention_bias', 'mlp_bias'],
  choice: () => ({ gated: false, norm: 'layer' }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, inputs: ['up_proj'] }, normBias: true },
});

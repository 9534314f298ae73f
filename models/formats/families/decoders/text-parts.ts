/** Text models that are published as parts of larger ones, or mostly so. */
import { sourceOf } from '../shared/family-row';
import { decoderFamily } from '../shared/decoder-family';
import type { StackFamily } from '../shared/family';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

/** Text of Fuyu: queries, keys and values of a head side by side, each query and key through a norm. */
export const persimmon = decoderFamily({
  id: 'persimmon',
  title: 'Persimmon',
  types: {
    persimmon: [
      'PersimmonConfig',
      {
        vocab_size: 262144,
        hidden_size: 4096,
        intermediate_size: 16384,
        num_hidden_layers: 36,
        num_attention_heads: 64,
        hidden_act: 'relu2',
        max_position_embeddings: 16384,
        layer_norm_eps: 1e-5,
        rope_theta: 25000,
        qk_layernorm: true,
        partial_rotary_factor: 0.5,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^PersimmonFor/,
  record: ['qk_layernorm'],
  choice: () => ({ gated: false, norm: 'layer' }),
  layout: {
    ...llamaLayout,
    attention: {
      prefix: 'self_attn.',
      projections: ['query_key_value'],
      output: 'dense',
      inputBias: true,
      outputBias: true,
      norm: (part) => (flag(part, 'qk_layernorm', true) ? 'head' : undefined),
      normNames: ['q_layernorm', 'k_layernorm'],
      normBias: true,
    },
    mlp: { prefix: 'mlp.', inputs: ['dense_h_to_4h'], output: 'dense_4h_to_h', bias: true },
    normBias: true,
    finalNorm: 'final_layernorm',
  },
});

/** Text of GLM-4.1V: GLM-4 with norms behind attention and network too. */
export const glm4vText = decoderFamily({
  id: 'glm4v_text',
  title: 'GLM-4V text',
  types: {
    glm4v_text: [
      'Glm4vTextConfig',
      {
        vocab_size: 151552,
        hidden_size: 4096,
        intermediate_size: 13696,
        num_hidden_layers: 40,
        num_attention_heads: 32,
        num_key_value_heads: 2,
        hidden_act: 'silu',
        max_position_embeddings: 32768,
        rms_norm_eps: 1e-5,
        rope_theta: 10000,
        partial_rotary_factor: 0.5,
        tie_word_embeddings: false,
      },
    ],
  },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, inputBias: true, outputBias: false },
    mlp: { prefix: 'mlp.', inputs: ['gate_up_proj'], fused: true, output: 'down_proj' },
    norms: ['input_layernorm', 'post_attention_layernorm', 'post_self_attn_layernorm', 'post_mlp_layernorm'],
  },
});

/** Text of Qwen3-VL MoE: Qwen3's layer, the experts of a layer in one tensor, stored [expert, input, output]. */
export const qwen3VlMoeText = decoderFamily({
  id: 'qwen3_vl_moe_text',
  title: 'Qwen3-VL MoE text',
  types: {
    qwen3_vl_moe_text: [
      'Qwen3VLMoeTextConfig',
      {
        vocab_size: 151936,
        hidden_size: 2048,
        intermediate_size: 5632,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        num_key_value_heads: 16,
        hidden_act: 'silu',
        max_position_embeddings: 128000,
        rms_norm_eps: 1e-6,
        rope_theta: 5000000,
        attention_bias: false,
        decoder_sparse_step: 1,
        moe_intermediate_size: 1408,
        num_experts_per_tok: 4,
        num_experts: 60,
        mlp_only_layers: [],
        tie_word_embeddings: false,
      },
    ],
  },
  record: ['attention_bias'],
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: (writer, { experts, size }, _layer, part) => {
      if (experts === undefined) return;
      const hidden = part.hiddenSize;
      const own = writer.under('mlp.');
      own.add('router', 'gate.weight', [experts.count, hidden]);
      own.stacked(experts, 'experts.gate_up_proj', [hidden, 2 * size]);
      own.stacked(experts, 'experts.down_proj', [size, hidden]);
    },
  },
});

/** The row's class is of the model's own code. */
function remoteFamily(row: Parameters<typeof decoderFamily>[0], className: string): StackFamily {
  const family = decoderFamily(row);
  return {
    ...family,
    defaults: (modelType) => ({ from: sourceOf(className), values: family.defaults(modelType)?.values ?? {} }),
  };
}

/** Text of CogVLM2 for films: key/value heads under a name of its own. */
export const cogVlm2Text = remoteFamily(
  {
    id: 'cogvlm2_text',
    title: 'CogVLM2 text',
    types: { cogvlm2_text: ['CogVLMConfig', {}] },
    choice: (reader) => {
      const kvHeads = reader.has('num_multi_query_heads') ? reader.integer('num_multi_query_heads', 1) : undefined;
      return kvHeads === undefined ? {} : { kvHeads };
    },
  },
  '(CogVLM2) CogVLMConfig',
);

/** Text of Molmo: `intermediate_size` is of both inputs of the network together. */
export const molmoText = remoteFamily(
  {
    id: 'molmo_text',
    title: 'Molmo text',
    types: {
      molmo_text: [
        'MolmoConfig',
        {
          vocab_size: 50304,
          embedding_size: 50304,
          hidden_size: 4096,
          intermediate_size: 11008,
          num_hidden_layers: 32,
          num_attention_heads: 32,
          max_position_embeddings: 2048,
          layer_norm_eps: 1e-5,
          rope_theta: 10000,
          qkv_bias: false,
          tie_word_embeddings: true,
          attention_layer_norm: false,
          norm_after: false,
          weight_tying: true,
        },
      ],
    },
    record: ['qkv_bias', 'attention_layer_norm', 'norm_after', 'weight_tying', 'embedding_size'],
    choice: (reader) => ({
      norm: 'rms',
      intermediateSize: Math.floor((reader.integer('intermediate_size', 1) ?? 0) / 2),
    }),
    layout: {
      root: 'model.transformer.',
      embedding: 'wte',
      layer: 'blocks.{layer}.',
      attention: {
        prefix: '',
        projections: ['att_proj'],
        output: 'attn_out',
        inputBias: (part) => flag(part, 'qkv_bias'),
        norm: (part) => (flag(part, 'attention_layer_norm') ? 'all' : undefined),
      },
      mlp: { prefix: '', inputs: ['ff_proj'], fused: true, output: 'ff_out' },
      norms: ['attn_norm', 'ff_norm'],
      finalNorm: 'ln_f',
      head: 'model.transformer.ff_out',
    },
  },
  '(Molmo) MolmoConfig',
);

/** Text of MOSS-TTS Nano: GPT-2 with `position_embedding_type`. */
export const mossGpt2 = remoteFamily(
  {
    id: 'moss_gpt2',
    title: 'MOSS-TTS text',
    types: { moss_gpt2: ['GPT2Config', { n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 }] },
    tied: true,
    choice: (reader) => {
      const rotates = reader.string('position_embedding_type') === 'rope';
      return { gated: false, norm: 'layer', positions: rotates ? 'rope' : 'learned' };
    },
  },
  '(MOSS-TTS) GPT2Config',
);

export const textParts = [persimmon, glm4vText, qwen3VlMoeText, cogVlm2Text, molmoText, mossGpt2];

/** Text models that are published as parts of larger ones, or mostly so. */
import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';
import { honoured, idle, rotaryDecoderKeys } from '../shared/run-keys';
import { llamaLayout } from './llama';

/** Text of Fuyu: queries, keys and values of a head side by side, each query and key through a norm. */
const persimmon = decoderFamily({
  id: 'persimmon',
  title: 'Persimmon',
  types: ['persimmon'],
  architectures: /^PersimmonFor/,
  run: {
    ...rotaryDecoderKeys,
    ...honoured('layer_norm_eps', 'partial_rotary_factor', 'qk_layernorm'),
    ...idle('the class has as many key/value heads as heads', 'num_key_value_heads'),
    ...idle('the class takes the width over the heads', 'head_dim'),
  },
  computes: { fused: ({ heads }) => ({ groups: heads }) },
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
const glm4vText = decoderFamily({
  id: 'glm4v_text',
  title: 'GLM-4V text',
  types: ['glm4v_text'],
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, inputBias: true, outputBias: false },
    mlp: { prefix: 'mlp.', inputs: ['gate_up_proj'], fused: true, output: 'down_proj' },
    norms: ['input_layernorm', 'post_attention_layernorm', 'post_self_attn_layernorm', 'post_mlp_layernorm'],
  },
});

/** Text of Qwen3-VL MoE: Qwen3's layer, the experts of a layer in one tensor, stored [expert, input, output]. */
const qwen3VlMoeText = decoderFamily({
  id: 'qwen3_vl_moe_text',
  title: 'Qwen3-VL MoE text',
  types: ['qwen3_vl_moe_text'],
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

/** Text of CogVLM2 for films: key/value heads under a name of its own. */
const cogVlm2Text = decoderFamily({
  id: 'cogvlm2_text',
  title: 'CogVLM2 text',
  types: ['cogvlm2_text'],
  choice: (reader) => {
    const kvHeads = reader.has('num_multi_query_heads') ? reader.integer('num_multi_query_heads', 1) : undefined;
    return kvHeads === undefined ? {} : { kvHeads };
  },
});

/** Text of Molmo: `intermediate_size` is of both inputs of the network together. */
const molmoText = decoderFamily({
  id: 'molmo_text',
  title: 'Molmo text',
  types: ['molmo_text'],
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
});

/** Text of MOSS-TTS Nano: GPT-2 with `position_embedding_type`. */
const mossGpt2 = decoderFamily({
  id: 'moss_gpt2',
  title: 'MOSS-TTS text',
  types: ['moss_gpt2'],
  tied: true,
  choice: (reader) => {
    const rotates = reader.string('position_embedding_type') === 'rope';
    return { gated: false, norm: 'layer', positions: rotates ? 'rope' : 'learned' };
  },
});

export const textParts = [persimmon, glm4vText, qwen3VlMoeText, cogVlm2Text, molmoText, mossGpt2];

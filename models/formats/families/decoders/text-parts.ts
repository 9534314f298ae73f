/** Text models that are published as parts of larger ones, or mostly so. */
import { ConfigReader } from '../../config/config-reader';
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts, separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { normalisedSoftmax } from '../shared/routers';
import {
  activations,
  honoured,
  idle,
  idleOfText,
  llamaLikeKeys,
  only,
  rotaryDecoderKeys,
  routerIdle,
} from '../shared/run-keys';
import { llamaLayout } from './llama';
import { expertKeys, qwen2Keys, qwen3Attention } from './qwen';

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
  run: { ...llamaLikeKeys, ...honoured('partial_rotary_factor') },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, inputBias: true, outputBias: false },
    mlp: { prefix: 'mlp.', inputs: ['gate_up_proj'], fused: true, output: 'down_proj' },
    norms: ['input_layernorm', 'post_self_attn_layernorm', 'post_attention_layernorm', 'post_mlp_layernorm'],
  },
});

const stacked = ['experts.gate_up_proj', 'experts.down_proj'] as const;

/** Text of Qwen3-VL MoE: Qwen3's layer, the experts of a layer in one tensor, stored [expert, input, output]. */
const qwen3VlMoeText = decoderFamily({
  id: 'qwen3_vl_moe_text',
  title: 'Qwen3-VL MoE text',
  types: ['qwen3_vl_moe_text'],
  record: ['attention_bias'],
  run: {
    ...llamaLikeKeys,
    ...honoured('num_experts', 'num_local_experts', 'num_experts_per_tok', 'moe_intermediate_size', 'attention_bias'),
    ...honoured('decoder_sparse_step', 'mlp_only_layers'),
    // The class sums the shares of the chosen experts to 1 whatever the file says.
    ...only([true, null], 'norm_topk_prob'),
    ...routerIdle,
  },
  computes: { router: normalisedSoftmax },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: namedExperts(
      (writer, { experts, size }, _layer, part) => {
        if (experts === undefined) return;
        const hidden = part.hiddenSize;
        const own = writer.under('mlp.');
        own.add('router', 'gate.weight', [experts.count, hidden]);
        own.stacked(experts, stacked[0], [hidden, 2 * size]);
        own.stacked(experts, stacked[1], [size, hidden]);
      },
      { prefix: 'mlp.', router: 'gate', stackedInputs: stacked },
    ),
  },
});

/**
 * Text of CogVLM2 for films: key/value heads under a name of its own, and maps for text beside those for pictures. Its code rotates by the
 * base of Llama 3. The code of the first CogVLM, in which each head has its own key, rotates by the usual base.
 */
const cogVlm2Text = decoderFamily({
  id: 'cogvlm2_text',
  title: 'CogVLM2 text',
  types: ['cogvlm2_text'],
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'),
    ...honoured('num_multi_query_heads', 'max_position_embeddings', 'rms_norm_eps', 'tie_word_embeddings'),
    ...only(activations, 'hidden_act'),
    ...idle('how a prompt is written', 'template_version'),
  },
  choice: (reader) => {
    const kvHeads = reader.has('num_multi_query_heads') ? reader.integer('num_multi_query_heads', 1) : undefined;
    const theta = kvHeads === undefined ? 10_000 : 500_000;
    const holder = new ConfigReader({ rope_theta: theta }, reader.path, reader.problems);
    return { rope: { holder }, ...(kvHeads === undefined ? {} : { kvHeads }) };
  },
  layout: {
    ...llamaLayout,
    attention: {
      prefix: 'self_attn.',
      projections: ['language_expert_query_key_value'],
      output: 'language_expert_dense',
      unread: (writer, { attention: { heads, kvHeads, headDim } }, { hiddenSize: hidden }) => {
        writer.linear('attention', 'vision_expert_query_key_value', hidden, (heads + 2 * kvHeads) * headDim, true);
        writer.linear('attention', 'vision_expert_dense', hidden, hidden, false);
      },
    },
    mlp: { ...llamaLayout.mlp, prefix: 'mlp.language_mlp.', bias: false },
  },
});

/** Text of Molmo: `intermediate_size` is of both inputs of the network together. */
const molmoText = decoderFamily({
  id: 'molmo_text',
  title: 'Molmo text',
  types: ['molmo_text'],
  record: ['qkv_bias', 'attention_layer_norm', 'norm_after', 'weight_tying', 'embedding_size'],
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'),
    ...honoured('num_key_value_heads', 'max_position_embeddings', 'layer_norm_eps', 'rope_theta', 'qkv_bias'),
    ...honoured('tie_word_embeddings'),
    ...only([null], 'clip_qkv'),
    ...only([false, null], 'norm_after', 'attention_layer_norm'),
    ...idle('tie_word_embeddings decides it', 'weight_tying'),
    ...only(['rms'], 'layer_norm_type'),
    ...idle('rows of the table, which equal the vocabulary', 'embedding_size'),
    ...idle('positions are counted from 0 either way', 'use_position_ids'),
  },
  computes: { activation: () => 'silu' },
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
    mlp: { prefix: '', inputs: ['ff_proj'], fused: true, upFirst: true, output: 'ff_out' },
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

/** Qwen3-MoE under the names that it has in Qwen3-Omni. */
const qwen3OmniText = decoderFamily({
  id: 'qwen3_omni_moe_text',
  title: 'Qwen3-Omni text',
  types: ['qwen3_omni_moe_text', 'qwen3_omni_moe_talker_text', 'qwen3_omni_moe_talker_code_predictor'],
  run: {
    ...qwen2Keys,
    ...expertKeys,
    ...honoured('attention_bias'),
    ...only([true, null], 'norm_topk_prob', 'use_qk_norm'),
    ...only([0, null], 'shared_expert_intermediate_size'),
  },
  computes: { router: normalisedSoftmax },
  layout: {
    ...llamaLayout,
    attention: qwen3Attention,
    experts: separateExperts({ prefix: 'mlp.', router: 'gate', projections: ['gate_proj', 'up_proj', 'down_proj'] }),
  },
});

export const textParts = [persimmon, glm4vText, qwen3VlMoeText, cogVlm2Text, molmoText, mossGpt2, qwen3OmniText];

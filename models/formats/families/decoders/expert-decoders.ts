import type { FeedForward } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { remoteCode } from '../shared/family-row';
import { separateExperts } from '../shared/decoder-layout';
import { deepseekExperts } from './deepseek';
import { ernieLayout } from './ernie-layout';
import { llamaLayout } from './llama';

/** Decoders with experts that keep Llama's names elsewhere. */

/** The first model of DeepSeek with experts, before latent attention. */
export const deepseekMoe = decoderFamily({
  id: 'deepseek_moe',
  title: 'DeepSeek MoE',
  release: remoteCode,
  types: { deepseek: ['DeepseekConfig', { attention_bias: false, tie_word_embeddings: false }] },
  architectures: /^DeepseekFor/,
  record: ['attention_bias'],
  layout: { ...llamaLayout, experts: deepseekExperts(false), mlp: { ...llamaLayout.mlp, bias: false } },
});

export const dots1 = decoderFamily({
  id: 'dots1',
  title: 'dots.llm1',
  types: {
    dots1: [
      'Dots1Config',
      {
        vocab_size: 152064,
        hidden_size: 4608,
        intermediate_size: 10944,
        moe_intermediate_size: 1408,
        num_hidden_layers: 62,
        num_attention_heads: 32,
        num_key_value_heads: 32,
        first_k_dense_replace: 0,
        hidden_act: 'silu',
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        attention_bias: false,
        sliding_window: 4096,
        max_window_layers: 62,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^Dots1For/,
  record: ['attention_bias'],
  choice: (reader) => {
    const first = reader.integer('max_window_layers') ?? 0;
    return { windowed: (index) => index >= first };
  },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    experts: deepseekExperts(true),
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

const ernieExperts = separateExperts({
  prefix: 'mlp.',
  router: 'gate',
  projections: ['gate_proj', 'up_proj', 'down_proj'],
  shared: 'shared_experts.',
});

export const ernie45Moe = decoderFamily({
  id: 'ernie4_5_moe',
  title: 'ERNIE 4.5 MoE',
  types: {
    ernie4_5_moe: [
      'Ernie4_5_MoeConfig',
      {
        vocab_size: 103424,
        hidden_size: 2560,
        intermediate_size: 12288,
        num_hidden_layers: 28,
        num_attention_heads: 20,
        num_key_value_heads: 4,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        rope_theta: 500000,
        use_bias: false,
        moe_intermediate_size: 1536,
        moe_k: 6,
        moe_num_experts: 64,
        moe_num_shared_experts: 2,
        moe_layer_start_index: 1,
        moe_layer_end_index: -1,
        moe_layer_interval: 1,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
        tie_word_embeddings: true,
      },
    ],
  },
  architectures: /^Ernie4_5_MoeFor/,
  tied: true,
  record: ['use_bias'],
  choice: (reader) => {
    const start = reader.integer('moe_layer_start_index') ?? 0;
    const interval = reader.integer('moe_layer_interval', 1) ?? 1;
    // -1 is the last layer.
    const end = reader.number('moe_layer_end_index') ?? -1;
    const size = reader.integer('intermediate_size') ?? 0;
    const routed = (index: number): boolean =>
      index >= start && (end < 0 || index <= end) && (index + 1) % interval === 0;
    return {
      rope: { layout: 'interleaved' },
      feedForward: (index): FeedForward | undefined =>
        routed(index) ? undefined : { kind: 'dense', size, gated: true },
    };
  },
  layout: {
    ...ernieLayout,
    experts: (writer, feedForward, layer, part) => {
      ernieExperts(writer, feedForward, layer, part);
      writer.add('router', 'mlp.moe_statics.e_score_correction_bias', [1, feedForward.experts?.count ?? 0]);
    },
  },
});

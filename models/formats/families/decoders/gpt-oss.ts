import { decoderFamily } from '../shared/decoder-family';
import { llamaLayout } from './llama';

/** Alternating window and full layers with a learned sink score per head; all experts of a layer in one tensor. */
export const gptOss = decoderFamily({
  id: 'gpt_oss',
  title: 'GPT-OSS',
  types: {
    gpt_oss: [
      'GptOssConfig',
      {
        num_hidden_layers: 36,
        num_local_experts: 128,
        vocab_size: 201088,
        hidden_size: 2880,
        intermediate_size: 2880,
        head_dim: 64,
        num_attention_heads: 64,
        num_key_value_heads: 8,
        sliding_window: 128,
        rope_theta: 150000,
        hidden_act: 'silu',
        max_position_embeddings: 131072,
        rms_norm_eps: 1e-5,
        num_experts_per_tok: 4,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^GptOss/,
  choice: () => ({ windowed: (index) => index % 2 === 0 }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, inputBias: true, outputBias: true, sinks: true },
    experts: (writer, feedForward, _layer, part) => {
      const { experts, size } = feedForward;
      if (experts === undefined) return;
      const own = writer.under('mlp.');
      const hidden = part.hiddenSize;
      own.add('router', 'router.weight', [experts.count, hidden]);
      own.add('router', 'router.bias', [experts.count]);
      own.stacked(experts, 'experts.gate_up_proj', [hidden, 2 * size]);
      own.stacked(experts, 'experts.gate_up_proj_bias', [2 * size]);
      own.stacked(experts, 'experts.down_proj', [size, hidden]);
      own.stacked(experts, 'experts.down_proj_bias', [hidden]);
    },
  },
});

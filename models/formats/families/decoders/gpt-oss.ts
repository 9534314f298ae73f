import { decoderFamily } from '../shared/decoder-family';
import { llamaLayout } from './llama';

/** Alternating window and full layers with a learned sink score per head; all experts of a layer in one tensor. */
export const gptOss = decoderFamily({
  id: 'gpt_oss',
  title: 'GPT-OSS',
  types: ['gpt_oss'],
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

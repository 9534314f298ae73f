import { decoderFamily } from '../shared/decoder-family';
import { namedExperts } from '../shared/decoder-layout';
import { normalisedSoftmax } from '../shared/routers';
import { honoured, idle, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';
import { llamaLayout } from './llama';

/** Alternating window and full layers with a learned sink score per head; all experts of a layer in one tensor. */
export const gptOss = decoderFamily({
  id: 'gpt_oss',
  title: 'GPT-OSS',
  types: ['gpt_oss'],
  architectures: /^GptOss/,
  run: {
    ...llamaLikeKeys,
    ...honoured('sliding_window', 'layer_types', 'num_local_experts', 'num_experts_per_tok'),
    ...only([true], 'attention_bias'),
    ...only([7, null], 'swiglu_limit'),
    ...idle('num_experts_per_tok and rope_scaling say them', 'experts_per_token', 'initial_context_length'),
    ...routerIdle,
  },
  computes: { router: normalisedSoftmax, heldGate: { bound: 7, slope: 1.702 } },
  choice: () => ({ windowed: (index) => index % 2 === 0 }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, inputBias: true, outputBias: true, sinks: true },
    experts: namedExperts(
      (writer, feedForward, _layer, part) => {
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
      {
        prefix: 'mlp.',
        router: 'router',
        inTurns: {
          maps: ['experts.gate_up_proj', 'experts.down_proj'],
          biases: ['experts.gate_up_proj_bias', 'experts.down_proj_bias'],
        },
      },
    ),
  },
});

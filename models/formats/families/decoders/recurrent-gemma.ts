import { numberOf } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag, word } from '../shared/family';
import { activations, honoured, idle, llamaLikeKeys, only } from '../shared/run-keys';
import { llamaLayout } from './llama';

/** The root of the width as the class has it, in bfloat16: eight bits of mantissa. */
function bfloatRoot(width: number): number {
  const root = Math.sqrt(width);
  const step = 2 ** (Math.floor(Math.log2(root)) - 7);
  return Math.round(root / step) * step;
}

const lruWidth = (part: ModelPart): number => amount(part, 'lru_width') ?? part.hiddenSize;

/**
 * Griffin (arXiv:2402.19427): two gated linear recurrences, then attention to a window. A recurrence keeps one number a
 * channel and the inputs that its convolution looks back to: width x (1 + kernel - 1).
 */
export const recurrentGemma = decoderFamily({
  id: 'recurrent_gemma',
  title: 'RecurrentGemma',
  types: ['recurrent_gemma'],
  architectures: /^RecurrentGemmaFor/,
  tied: true,
  record: ['lru_width', 'conv1d_width', 'attention_bias', 'logits_soft_cap', 'hidden_activation'],
  run: {
    ...llamaLikeKeys,
    ...honoured(
      'lru_width',
      'conv1d_width',
      'attention_bias',
      'logits_soft_cap',
      'attention_window_size',
      'block_types',
    ),
    ...honoured('_block_types', 'partial_rotary_factor'),
    ...only(activations, 'hidden_activation'),
    ...idle('first values of weights that are stored', 'w_init_variance_scale', 'final_w_init_variance_scale'),
  },
  computes: {
    gainOffset: 1,
    embeddingScale: ({ hiddenSize }) => bfloatRoot(hiddenSize),
    activation: (part) => word(part, 'hidden_activation') ?? 'gelu_pytorch_tanh',
    state: (part, { attention }) =>
      attention.kind === 'linear'
        ? {
            kind: 'rg-lru',
            prefix: 'temporal_block.',
            width: lruWidth(part),
            kernel: amount(part, 'conv1d_width') ?? 4,
          }
        : undefined,
  },
  choice: (reader) => {
    const look = numberOf(reader);
    const width = look('lru_width') ?? look('hidden_size') ?? 0;
    const words = ['block_types', '_block_types']
      .map((key) => reader.object[key])
      .find((value) => Array.isArray(value));
    const pattern: readonly unknown[] = words ?? ['recurrent', 'recurrent', 'attention'];
    return {
      positions: 'rope',
      norm: 'rms',
      gated: true,
      // The two halves of the width are the gate and what is gated.
      intermediateSize: Math.floor((reader.integer('intermediate_size') ?? 0) / 2),
      stateElements: width * (look('conv1d_width') ?? 4),
      layerKinds: (count) =>
        Array.from({ length: count }, (_, index) =>
          pattern[index % pattern.length] === 'attention'
            ? { kind: 'window' }
            : { kind: 'linear', note: 'a gated linear recurrence' },
        ),
    };
  },
  finish: (part) => {
    const logits = amount(part, 'logits_soft_cap');
    return logits === undefined || logits <= 0 ? part : { ...part, softcap: { logits } };
  },
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      prefix: 'temporal_block.',
      inputBias: (part) => flag(part, 'attention_bias'),
      outputBias: true,
    },
    mlp: { prefix: 'mlp_block.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj', bias: true },
    mixer: (writer, _layer, part) => {
      const width = lruWidth(part);
      const block = part.heads === 0 ? 0 : Math.floor(width / part.heads);
      const own = writer.under('temporal_block.');
      for (const name of ['linear_y', 'linear_x']) own.linear('mixer', name, part.hiddenSize, width, true);
      own.linear('mixer', 'linear_out', width, part.hiddenSize, true);
      own.add('mixer', 'conv_1d.weight', [width, 1, amount(part, 'conv1d_width') ?? 4]);
      own.add('mixer', 'conv_1d.bias', [width]);
      own.add('mixer', 'rg_lru.recurrent_param', [width]);
      for (const gate of ['input_gate', 'recurrent_gate']) {
        own.add('mixer', `rg_lru.${gate}_weight`, [part.heads, block, block]);
        own.add('mixer', `rg_lru.${gate}_bias`, [part.heads, block]);
      }
    },
    norms: ['temporal_pre_norm', 'channel_pre_norm'],
    finalNorm: 'final_norm',
  },
});

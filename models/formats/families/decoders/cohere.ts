import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
import { honoured, idle, rotaryDecoderKeys } from '../shared/run-keys';
import type { ModelPart } from '../../model-description';
import { llamaLayout } from './llama';

const cohereKeys = {
  ...rotaryDecoderKeys,
  ...honoured('layer_norm_eps', 'attention_bias', 'logit_scale'),
};

const layout: DecoderLayout = {
  ...llamaLayout,
  attention: {
    ...llamaLayout.attention,
    norm: (part) => (flag(part, 'use_qk_norm') ? 'stacked' : undefined),
  },
  mlp: { prefix: 'mlp.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj' },
  norms: ['input_layernorm'],
};

const logitFactor = (part: ModelPart): number | undefined => amount(part, 'logit_scale');

/** Attention and network in parallel behind one norm without bias. */
export const cohere = decoderFamily({
  id: 'cohere',
  title: 'Cohere',
  types: ['cohere'],
  architectures: /^CohereFor/,
  tied: true,
  run: { ...cohereKeys, ...honoured('use_qk_norm') },
  computes: { logitFactor },
  choice: () => ({ norm: 'layer', rope: { layout: 'interleaved' } }),
  layout,
});

/** Three layers with a window follow one another, then a full one, which does not rotate. */
export const cohere2 = decoderFamily({
  id: 'cohere2',
  title: 'Cohere 2',
  types: ['cohere2'],
  architectures: /^Cohere2For/,
  tied: true,
  run: {
    ...cohereKeys,
    ...honoured('sliding_window', 'layer_types', 'sliding_window_pattern'),
    ...idle('layer_types says it for each layer', '_sliding_window_pattern'),
  },
  computes: { logitFactor },
  choice: (reader) => {
    const mixed = reader.integer('sliding_window', 1) !== undefined;
    return {
      norm: 'layer',
      rope: { layout: 'interleaved' },
      unrotated: (_index, kind) => !mixed || kind === 'full',
    };
  },
  layout,
});

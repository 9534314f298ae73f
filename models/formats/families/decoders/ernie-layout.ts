import type { DecoderLayout } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

/** Llama's names, with one switch for all biases: ERNIE 4.5, dense and with experts. */
export const ernieLayout: DecoderLayout = {
  ...llamaLayout,
  attention: {
    ...llamaLayout.attention,
    inputBias: (part) => flag(part, 'use_bias'),
    outputBias: (part) => flag(part, 'use_bias'),
  },
  mlp: { ...llamaLayout.mlp, bias: (part) => flag(part, 'use_bias') },
};

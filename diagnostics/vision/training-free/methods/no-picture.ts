/** PAI's step on logits: against the same prompt without the picture. */
import { spanPair } from '../../../shared/divergence/span-pair';
import { ContrastedRun } from '../contrast';
import { cutDescription } from './cut';
import type { Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = { readonly withoutGamma: number; readonly withoutBeta: number };

export const noPicture: Method<Parameters> = {
  id: 'no-picture',
  title: 'Contrast with no picture',
  source: 'arXiv:2407.21771 (the step of PAI on logits, without its attention; on log-probabilities as in its code)',
  parameters: {
    withoutGamma: field.number(
      'No picture: gamma',
      'gamma log p with the picture - (gamma - 1) log p without it chooses the token; 1 changes nothing but the cut.',
      { min: 1, max: 100, default: 1.1 },
    ),
    withoutBeta: field.number('No picture: beta', cutDescription, { min: 0, max: 1, default: 0.1 }),
  },
  settings: ({ withoutGamma, withoutBeta }) => `gamma ${withoutGamma}, beta ${withoutBeta}`,
  async start(model, { prompt, further }, { withoutGamma, withoutBeta }) {
    const { without } = spanPair(prompt, { kind: 'image' }, 'contiguous');
    const common = { further, held: 2 };
    const first = await model.continuation({ sequence: prompt, ...common });
    const second = await model.continuation({ sequence: without, ...common });
    return new ContrastedRun(first, second, { weight: withoutGamma - 1, cut: withoutBeta });
  },
};

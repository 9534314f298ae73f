/** ZeroTuning's lever with one gamma in all heads: the weight on the first token is multiplied and each row renormalised. */
import type { Bias } from '../../../../protocol/interventions/bias';
import { startUnder, type Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = { readonly zeroGamma: number };

export const zeroTuning: Method<Parameters> = {
  id: 'zerotuning',
  title: 'ZeroTuning',
  source:
    'arXiv:2505.11739, section 3, without its search of heads: that needs labelled prompts (the analysis zerotuning). One gamma in all heads and its default are choices of Headscope',
  parameters: {
    zeroGamma: field.number(
      'ZeroTuning: gamma',
      'Factor of the attention on the first token, in all heads; 1 changes nothing.',
      { min: 0.001, max: 1000, default: 0.5 },
    ),
  },
  settings: ({ zeroGamma }) => `gamma ${zeroGamma} in all heads`,
  start(model, picture, { zeroGamma }) {
    const biases = model.facts.blocks.flatMap(({ heads }, layer) =>
      Array.from({ length: heads }, (_, head): Bias => ({
        kind: 'bias',
        layer,
        head,
        keys: { start: 0, end: 1 },
        bias: Math.log(zeroGamma),
      })),
    );
    return startUnder(model, picture, zeroGamma === 1 ? [] : biases);
  },
};

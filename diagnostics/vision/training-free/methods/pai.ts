/** PAI's attention: scores of all image tokens are raised where the next token is predicted. */
import { innerHeads } from './inner-layers';
import { startUnder, type Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = { readonly paiAlpha: number };

export const payAttentionToImage: Method<Parameters> = {
  id: 'pai',
  title: 'PAI',
  source:
    'arXiv:2407.21771 (z + alpha |z| on image tokens, last row, layers from the third on; its step on logits is a method of its own)',
  parameters: {
    paiAlpha: field.number('PAI: alpha', 'Scores z of image tokens become z + alpha |z|; 0 changes nothing.', {
      min: 0,
      max: 100,
      default: 0.5,
    }),
  },
  settings: ({ paiAlpha }) => `alpha ${paiAlpha}`,
  start: (model, picture, { paiAlpha }) =>
    startUnder(model, picture, [
      { kind: 'emphasis', heads: innerHeads(model.facts, 0), keys: ['image'], factor: paiAlpha },
    ]),
};

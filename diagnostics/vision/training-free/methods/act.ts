/** ACT: attention on keys that many rows read strongly goes to all other keys. */
import { usualAlpha } from '../../../../protocol/interventions/redistribute';
import { innerHeads } from './inner-layers';
import { startUnder, type Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = { readonly actBeta: number; readonly actAlpha: number };

export const attentionCalibration: Method<Parameters> = {
  id: 'act',
  title: 'ACT',
  source:
    'arXiv:2406.15765 (attention calibration, here in all heads from the third layer to the last but one: the paper searches heads on labelled prompts, the analysis act)',
  parameters: {
    actBeta: field.number(
      'ACT: beta',
      'What sinks behind the first token keep of their attention; 1 changes nothing.',
      { min: 0, max: 1, default: 0.4 },
    ),
    actAlpha: field.number('ACT: alpha', 'A key is a sink whose mean attention is above alpha / tokens.', {
      min: 0,
      max: 1e6,
      default: usualAlpha,
    }),
  },
  settings: ({ actBeta, actAlpha }) => `beta ${actBeta}, alpha ${actAlpha}, all heads`,
  start: (model, picture, { actBeta, actAlpha }) =>
    startUnder(model, picture, [
      {
        kind: 'redistribute',
        heads: innerHeads(model.facts, 1),
        from: { kind: 'columns', alpha: actAlpha },
        to: 'rest',
        share: 1 - actBeta,
      },
    ]),
};

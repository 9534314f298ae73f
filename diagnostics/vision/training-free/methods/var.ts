/** VAR: attention on tokens that are sinks by their hidden states goes to the image, in heads that look at it. */
import { usualTau } from '../../../../protocol/interventions/redistribute';
import type { ModelFacts } from '../../../model-runner/model-runner';
import { narrowest, tauOf } from '../../../shared/divergence/sinks';
import { threeDigits } from '../../../../protocol/wire/number-words';
import { innerHeads } from './inner-layers';
import { startUnder, type Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = { readonly varShare: number; readonly varRho: number; readonly varTau: number };

/** A row gives the image this much, or is left alone. */
const least = 0.2;

const isScaled = ({ hiddenSize }: ModelFacts, { varTau }: Parameters): boolean =>
  varTau === 0 && hiddenSize <= narrowest;

export const visualRedistribution: Method<Parameters> = {
  id: 'var',
  title: 'VAR',
  source:
    'arXiv:2503.03321 (visual attention redistribution in rows behind the image that give it at least 0.2, layers from the third to the last but one; the paper has a rho of 0.5 for hallucination)',
  parameters: {
    varShare: field.number(
      'VAR: share moved',
      'Share of the attention on sinks that goes to the image; 0 changes nothing.',
      { min: 0, max: 1, default: 0.6 },
    ),
    varRho: field.number(
      'VAR: rho',
      'A head is changed if image tokens other than sinks get at least this share of its attention on the image.',
      { min: 0, max: 1, default: 0.5 },
    ),
    varTau: field.number(
      'VAR: tau',
      `How many times its RMS a hidden state must reach to be a sink; 0: ${usualTau}, and in models no wider than ${narrowest} as large a part of the possible.`,
      { min: 0, max: 1e6, default: 0 },
    ),
  },
  settings: (values, facts) =>
    `moves ${values.varShare}, rho ${values.varRho}, tau ${threeDigits(tauOf(facts.hiddenSize, values.varTau))}${
      isScaled(facts, values)
        ? `: ${usualTau} scaled to a width of ${facts.hiddenSize}, where it could not be reached`
        : ''
    }`,
  start: (model, picture, values) =>
    startUnder(model, picture, [
      {
        kind: 'redistribute',
        heads: innerHeads(model.facts, 1),
        from: { kind: 'states', tau: tauOf(model.facts.hiddenSize, values.varTau) },
        to: ['image'],
        share: values.varShare,
        rows: 'after',
        least,
        ratio: values.varRho,
      },
    ]),
};

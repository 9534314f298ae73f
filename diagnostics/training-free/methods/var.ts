/** VAR: attention on tokens that are sinks by their hidden states goes to the image, in heads that look at it. */
import { usualTau } from '../../../protocol/interventions/redistribute';
import type { ModelFacts } from '../../model-runner/model-runner';
import { threeDigits } from '../../words';
import { innerHeads } from './inner-layers';
import { startUnder, type Method } from './method';

// A type and no interface: values are a record.
type Parameters = { readonly varShare: number; readonly varRho: number; readonly varTau: number };

/** A row gives the image this much, or is left alone. */
const least = 0.2;
/** Of the models of the paper; no value of a state of width D is more than sqrt(D) times its RMS. */
const publishedWidth = 4096;
const leastWidth = usualTau ** 2;

const scaled = ({ hiddenSize }: ModelFacts): boolean => hiddenSize <= leastWidth;

const tauOf = (facts: ModelFacts, { varTau }: Parameters): number =>
  varTau > 0 ? varTau : scaled(facts) ? usualTau * Math.sqrt(facts.hiddenSize / publishedWidth) : usualTau;

export const visualRedistribution: Method<Parameters> = {
  id: 'var',
  title: 'VAR',
  source:
    'arXiv:2503.03321 (visual attention redistribution; share moved 0.6, rho 0.5 as for hallucination, rows behind the image, layers from the third to the last but one)',
  parameters: {
    varShare: {
      kind: 'number',
      title: 'VAR: share moved',
      description: 'Of the attention on sinks, what goes to the image; 0 changes nothing.',
      min: 0,
      max: 1,
      default: 0.6,
    },
    varRho: {
      kind: 'number',
      title: 'VAR: rho',
      description:
        'Heads are changed that give image tokens beside the sinks at least this share of their attention on the image.',
      min: 0,
      max: 1,
      default: 0.5,
    },
    varTau: {
      kind: 'number',
      title: 'VAR: tau',
      description: `How many times its RMS a hidden state must reach to be a sink; 0: ${usualTau}, and in models no wider than ${leastWidth} as large a part of the possible.`,
      min: 0,
      max: 1e6,
      default: 0,
    },
  },
  settings: (values, facts) =>
    `moves ${values.varShare}, rho ${values.varRho}, tau ${threeDigits(tauOf(facts, values))}${
      values.varTau === 0 && scaled(facts)
        ? `: ${usualTau} scaled to a width of ${facts.hiddenSize}, where it could not be reached`
        : ''
    }`,
  start: (model, picture, values) =>
    startUnder(model, picture, [
      {
        kind: 'redistribute',
        heads: innerHeads(model.facts, 1),
        from: { kind: 'states', tau: tauOf(model.facts, values) },
        to: ['image'],
        share: values.varShare,
        rows: 'after',
        least,
        ratio: values.varRho,
      },
    ]),
};

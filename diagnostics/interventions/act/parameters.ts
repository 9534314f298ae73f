import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { usualAlpha } from '../../../protocol/interventions/redistribute';

export const rules = ['alpha', 'strength'] as const;
export const metrics = ['probability', 'accuracy'] as const;

export type ActParameters = {
  readonly rule: string;
  readonly alpha: number;
  readonly strength: number;
  readonly beta: number;
  readonly metric: string;
  readonly skipFirst: number;
  readonly skipLast: number;
  readonly margin: number;
  readonly halving: boolean;
  readonly maps: number;
  readonly random: number;
};

export const parameters: ParameterTable<ActParameters> = {
  rule: {
    kind: 'choice',
    title: 'A sink is',
    description:
      'alpha: a key whose column strength is above alpha / n, as in the paper. strength: above a number that does not depend on the length, as in its code.',
    options: rules,
    default: 'alpha',
  },
  alpha: {
    kind: 'number',
    title: 'Alpha',
    description: 'Of the first rule; n is the number of tokens of the prompt.',
    min: 2,
    max: 1000,
    default: usualAlpha,
  },
  strength: {
    kind: 'number',
    title: 'Strength',
    description: 'Of the second rule.',
    min: 0.001,
    max: 1,
    default: 0.1,
  },
  beta: {
    kind: 'number',
    title: 'Beta',
    description: 'What a calibrated head leaves of its attention on later sinks; 1 changes nothing.',
    min: 0,
    max: 1,
    default: 0.4,
  },
  metric: {
    kind: 'choice',
    title: 'Gain of',
    description:
      'probability: ln of the probability of the right answer. accuracy: right answers, as in the paper; it needs many prompts.',
    options: metrics,
    default: 'probability',
  },
  skipFirst: {
    kind: 'integer',
    title: 'First layers left out',
    description: 'Heads of these layers are not calibrated; 2 in the paper.',
    min: 0,
    max: 1000,
    default: 2,
  },
  skipLast: {
    kind: 'integer',
    title: 'Last layers left out',
    description: 'Heads of these layers are not calibrated; 1 in the paper.',
    min: 0,
    max: 1000,
    default: 1,
  },
  margin: {
    kind: 'number',
    title: 'Margin',
    description: 'A head is chosen when its gain is above so many of its standard errors.',
    min: 0,
    max: 10,
    default: 1,
  },
  halving: {
    kind: 'boolean',
    title: 'Successive halving',
    description:
      'All heads are tried on few prompts, the better half of them on twice as many, and so on: about a third of the runs.',
    default: false,
  },
  maps: {
    kind: 'integer',
    title: 'Prompts whose maps are read',
    description: 'For the mass on the first token and on later sinks.',
    min: 1,
    max: 64,
    default: 8,
  },
  random: {
    kind: 'integer',
    title: 'Random sets',
    description:
      'Sets of as many other heads with sinks, drawn by the seed, that are calibrated on the held-out prompts.',
    min: 0,
    max: 10,
    default: 3,
  },
};

import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { usualAlpha } from '../../../protocol/interventions/redistribute';
import * as field from '../../../kernels/parameters';

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
  rule: field.choice(
    'A sink is',
    'alpha: a key whose column strength is above alpha / n, as in the paper. strength: above a number that does not depend on the length, as in its code.',
    { options: rules, default: 'alpha' },
  ),
  alpha: field.number('Alpha', 'Alpha of the first rule; n is the number of tokens of the prompt.', {
    min: 2,
    max: 1000,
    default: usualAlpha,
  }),
  strength: field.number('Strength', 'Strength of the second rule.', { min: 0.001, max: 1, default: 0.1 }),
  beta: field.number('Beta', 'What a calibrated head leaves of its attention on later sinks; 1 changes nothing.', {
    min: 0,
    max: 1,
    default: 0.4,
  }),
  metric: field.choice(
    'Gain of',
    'probability: ln of the probability of the right answer. accuracy: right answers, as in the paper; it needs many prompts.',
    { options: metrics, default: 'probability' },
  ),
  skipFirst: field.integer('First layers left out', 'Heads of these layers are not calibrated; 2 in the paper.', {
    min: 0,
    max: 1000,
    default: 2,
  }),
  skipLast: field.integer('Last layers left out', 'Heads of these layers are not calibrated; 1 in the paper.', {
    min: 0,
    max: 1000,
    default: 1,
  }),
  margin: field.number('Margin', 'A head is chosen when its gain is above so many of its standard errors.', {
    min: 0,
    max: 10,
    default: 1,
  }),
  halving: field.flag(
    'Successive halving',
    'All heads are tried on few prompts, the better half of them on twice as many, and so on: about a third of the runs.',
    false,
  ),
  maps: field.integer('Prompts whose maps are read', 'For the mass on the first token and on later sinks.', {
    min: 1,
    max: 64,
    default: 8,
  }),
  random: field.integer(
    'Random sets',
    'How many control sets are calibrated on the held-out prompts. Each has as many other heads with sinks, drawn by the seed.',
    { min: 0, max: 10, default: 3 },
  ),
};

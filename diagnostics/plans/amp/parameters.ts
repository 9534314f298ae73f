import type { ParameterTable, ParameterValues } from '../../../protocol/analysis/parameters';
import { conversionFolder } from '../../shared/conversions/folder';
import { calibrationTexts, textLength } from '../../shared/conversions/text-parameters';
import { budgetRules, type BudgetRule } from './budget';

export const criteria = ['magnitude', 'centred'] as const;
export type Criterion = (typeof criteria)[number];

export interface AmpParameters extends ParameterValues {
  readonly share: number;
  readonly rule: BudgetRule;
  readonly criterion: Criterion;
  readonly curve: string;
  readonly randomSets: number;
  readonly sequences: number;
  readonly length: number;
  readonly compared: boolean;
  readonly folder: string;
}

export const parameters: ParameterTable<AmpParameters> = {
  share: {
    kind: 'number',
    title: 'Share to remove',
    description: 'Of all parameters of the model; taken from heads and MLP units of every layer alike.',
    min: 0,
    max: 0.9,
    default: 0.2,
  },
  rule: {
    kind: 'choice',
    title: 'Rounding',
    description:
      'What rounding the heads leaves goes to the units: weight for weight (exact), or one unit for a head (release).',
    options: budgetRules,
    default: 'exact',
  },
  criterion: {
    kind: 'choice',
    title: 'Score of heads',
    description: 'Size of what a head writes, or the same less the mean of what it writes (centred).',
    options: criteria,
    default: 'magnitude',
  },
  curve: {
    kind: 'text',
    title: 'Shares of the curve',
    description: 'Shares of all parameters in per cent, separated by commas; empty: no curve.',
    default: '5,10,20,30',
  },
  randomSets: {
    kind: 'integer',
    title: 'Random sets',
    description: 'Sets of as many heads and units drawn at random, for each share of the curve.',
    min: 1,
    max: 50,
    default: 5,
  },
  sequences: calibrationTexts('scores are'),
  length: textLength,
  compared: {
    kind: 'boolean',
    title: 'Compare with other scores',
    description: 'Measures each head also by ablation and by its gradient, and ranks them.',
    default: true,
  },
  folder: conversionFolder,
};

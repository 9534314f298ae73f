import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { conversionFolder } from '../../shared/conversions/folder';
import { calibrationTexts, textLength } from '../../shared/conversions/text-parameters';
import { budgetRules, type BudgetRule } from './budget';
import * as field from '../../../kernels/parameters';

export const criteria = ['magnitude', 'centred'] as const;
type Criterion = (typeof criteria)[number];

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
  share: field.number(
    'Share to remove',
    'Share of all parameters of the model, removed from heads and MLP units of every layer.',
    { min: 0, max: 0.9, default: 0.2 },
  ),
  rule: field.choice(
    'Rounding',
    'What rounding the heads leaves goes to the units: weight for weight (exact), or one unit for a head (release).',
    { options: budgetRules, default: 'exact' },
  ),
  criterion: field.choice(
    'Score of heads',
    'Size of what a head writes, or the same less the mean of what it writes (centred).',
    { options: criteria, default: 'magnitude' },
  ),
  curve: field.text(
    'Shares of the curve',
    'Shares of all parameters in per cent, separated by commas; empty: no curve.',
    '5,10,20,30',
  ),
  randomSets: field.integer(
    'Random sets',
    'Sets of as many heads and units drawn at random, for each share of the curve.',
    { min: 1, max: 50, default: 5 },
  ),
  sequences: calibrationTexts('scores are'),
  length: textLength,
  compared: field.flag(
    'Compare with other scores',
    'Measures each head also by ablation and by its gradient, and ranks them.',
    true,
  ),
  folder: conversionFolder,
};

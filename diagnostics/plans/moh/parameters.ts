import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { conversionFolder } from '../../shared/conversions/folder';
import { calibrationTexts, textLength } from '../../shared/conversions/text-parameters';
import * as field from '../../../kernels/parameters';

const sharedChoices = ['important', 'first'] as const;
type SharedChoice = (typeof sharedChoices)[number];

export interface MohParameters extends ParameterValues {
  readonly share: number;
  readonly sharedShare: number;
  readonly shared: SharedChoice;
  readonly curve: string;
  readonly sequences: number;
  readonly length: number;
  readonly steps: number;
  readonly rate: number;
  readonly balance: number;
  readonly unbalanced: boolean;
  readonly folder: string;
}

export const parameters: ParameterTable<MohParameters> = {
  share: field.number('Active heads', 'Share of the query heads of each layer that a token has.', {
    min: 0.01,
    max: 1,
    default: 0.75,
  }),
  sharedShare: field.number(
    'Shared heads',
    'Share of the query heads of each layer that every token has; the others are chosen token by token.',
    { min: 0, max: 1, default: 0.5 },
  ),
  shared: field.choice(
    'Which are shared',
    'Those whose gain has the largest gradient of the loss (important), or the first of each layer, as in the release.',
    { options: sharedChoices, default: 'important' },
  ),
  curve: field.text(
    'Shares of the curve',
    'Shares of active heads in per cent, separated by commas; empty: no curve.',
    '90,75,50,25',
  ),
  sequences: calibrationTexts('importance and loads are'),
  length: textLength,
  steps: field.integer(
    'Tuning steps',
    'Training of all weights of the routed model towards the next-token distributions of the model itself, one text a step. 0: none.',
    { min: 0, max: 1_000_000, default: 0 },
  ),
  rate: field.number('Learning rate', 'The largest learning rate of the tuning.', { min: 0, max: 1, default: 0.0005 }),
  balance: field.number(
    'Weight of the balance loss',
    'In the loss of the tuning: how much it counts that tokens spread over the heads. 0: not at all.',
    { min: 0, max: 100, default: 0.01 },
  ),
  unbalanced: field.flag(
    'Tune without balance too',
    'The same tuning once more without the balance loss, for comparison.',
    true,
  ),
  folder: conversionFolder,
};

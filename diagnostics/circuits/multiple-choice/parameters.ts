import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { choiceTable, type ChoiceParameters } from '../../shared/choices/parameters';
import * as field from '../../../kernels/parameters';

export type MultipleChoiceParameters = ChoiceParameters & {
  readonly share: number;
  readonly patched: number;
  readonly sources: number;
  readonly always: boolean;
};

export const parameters: ParameterTable<MultipleChoiceParameters> = {
  ...choiceTable,
  share: field.number(
    'Share of the output nodes',
    'Output nodes are the fewest heads and MLPs whose direct effects reach this share of all positive ones.',
    { min: 0.05, max: 1, default: 0.8 },
  ),
  patched: field.integer(
    'Patched nodes',
    'Heads and MLPs whose total effect is measured: the output nodes and those of the next largest direct effects.',
    { min: 0, max: 100_000, default: 100 },
  ),
  sources: field.integer('Sources', 'Prompts with another right label from which outputs are taken, for each prompt.', {
    min: 1,
    max: 20,
    default: 3,
  }),
  always: field.flag(
    'Go on at chance',
    'Looks for heads and MLPs also where the model does not answer by letter better than by chance.',
    false,
  ),
};

import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type FiniteStateParameters = {
  readonly tolerance: number;
  readonly degree: number;
  readonly rows: number;
};

export const parameters: ParameterTable<FiniteStateParameters> = {
  tolerance: field.number(
    'Tolerance',
    'Relative error of a head’s outputs up to which a cut exponential counts as the softmax.',
    { min: 1e-6, max: 0.5, default: 0.01 },
  ),
  degree: field.integer('Largest degree', 'Even degrees up to this one are tried.', { min: 2, max: 128, default: 32 }),
  rows: field.integer('Tokens read', 'The first tokens of the prompt; a longer prompt is cut.', {
    min: 2,
    max: 1024,
    default: 128,
  }),
};

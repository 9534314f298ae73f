/** What a person chooses of an ablation. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { metricTable, type MetricParameters } from '../../shared/effects/metric';
import { type Mode, modes } from '../../shared/effects/stand-ins';
import * as field from '../../../kernels/parameters';

const sources = ['counterpart', 'other prompt'] as const;
export type From = (typeof sources)[number];

export type AblationParameters = MetricParameters & {
  readonly mode: Mode;
  readonly resampleFrom: From;
};

export const ablationTable: ParameterTable<AblationParameters> = {
  mode: field.choice(
    'Ablation',
    'What replaces an output: zeros, its mean over all positions of the input, or its own on another prompt.',
    { options: modes, default: 'zero' },
  ),
  ...metricTable,
  resampleFrom: field.choice(
    'Resample from',
    'Whose outputs resampling takes: those of the counterpart, or of another prompt of as many tokens.',
    { options: sources, default: 'counterpart' },
  ),
};

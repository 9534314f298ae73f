/** What a person chooses of attribution. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { metricTable, type MetricParameters } from '../../shared/effects/metric';
import * as field from '../../../kernels/parameters';

export const baselines = ['counterpart', 'zero', 'mean'] as const;
type Baseline = (typeof baselines)[number];

export const methods = ['integrated', 'gradient'] as const;
type Method = (typeof methods)[number];

// A type and no interface: values are records.
export type AttributionParameters = MetricParameters & {
  readonly baseline: Baseline;
  readonly method: Method;
  readonly steps: number;
  readonly positions: boolean;
  readonly checked: number;
  readonly random: number;
  readonly edges: number;
};

export const attributionTable: ParameterTable<AttributionParameters> = {
  baseline: field.choice(
    'Baseline',
    'What an output is compared with: that on the counterpart of the prompt, zeros, or its mean over all positions of the input.',
    { options: baselines, default: 'counterpart' },
  ),
  method: field.choice(
    'Gradient',
    'Integrated: the mean gradient on the line from the token embeddings of the counterpart to those of the prompt. Gradient: the one at the prompt, cheaper and less exact; of zeros and means always.',
    { options: methods, default: 'integrated' },
  ),
  steps: field.integer('Steps', 'Gradients that are taken on the line.', {
    min: 1,
    max: 100,
    default: 5,
    unit: 'gradients',
  }),
  positions: field.flag(
    'Positions too',
    'Estimate the residual stream that leaves each layer too, at each position or role. Needs counterparts.',
    true,
  ),
  ...metricTable,
  checked: field.integer(
    'Patched exactly',
    'Share of heads and MLPs, and of positions, that are patched too: the largest estimates, at least five.',
    { min: 0, max: 100, default: 10, unit: '%' },
  ),
  random: field.integer(
    'Patched at random',
    'As many more are drawn at random from all of them, because the largest alone could flatter the estimates or hide an error.',
    { min: 0, max: 1000, default: 12, unit: 'places' },
  ),
  edges: field.integer(
    'Edges among',
    'Heads and MLPs with the largest estimates between which edges are estimated too, on at most four prompts; the shares above are patched of them as well. 0: none. Needs counterparts.',
    { min: 0, max: 64, default: 8, unit: 'parts' },
  ),
};

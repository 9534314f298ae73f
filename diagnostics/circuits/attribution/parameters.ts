/** What a person chooses of attribution. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { metricTable, type MetricParameters } from '../../shared/effects/metric';

export const baselines = ['counterpart', 'zero', 'mean'] as const;
export type Baseline = (typeof baselines)[number];

export const methods = ['integrated', 'gradient'] as const;
export type Method = (typeof methods)[number];

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
  baseline: {
    kind: 'choice',
    title: 'Baseline',
    description:
      'What an output is compared with: that on the counterpart of the prompt, zeros, or its mean over all positions of the input.',
    options: baselines,
    default: 'counterpart',
  },
  method: {
    kind: 'choice',
    title: 'Gradient',
    description:
      'Integrated: the mean gradient on the line from the token embeddings of the counterpart to those of the prompt. Gradient: the one at the prompt, cheaper and less exact; of zeros and means always.',
    options: methods,
    default: 'integrated',
  },
  steps: {
    kind: 'integer',
    title: 'Steps',
    description: 'Gradients that are taken on the line.',
    unit: 'gradients',
    min: 1,
    max: 100,
    default: 5,
  },
  positions: {
    kind: 'boolean',
    title: 'Positions too',
    description:
      'Estimate the residual stream that leaves each layer too, at each position or role. Needs counterparts.',
    default: true,
  },
  ...metricTable,
  checked: {
    kind: 'integer',
    title: 'Patched exactly',
    description:
      'Share of heads and MLPs, and of positions, that are patched too: the largest estimates, at least five.',
    unit: '%',
    min: 0,
    max: 100,
    default: 10,
  },
  random: {
    kind: 'integer',
    title: 'Patched at random',
    description:
      'As many more are drawn from all of them, whatever their estimates: the largest alone flatter or hide an error.',
    unit: 'places',
    min: 0,
    max: 1000,
    default: 12,
  },
  edges: {
    kind: 'integer',
    title: 'Edges among',
    description:
      'Heads and MLPs with the largest estimates between which edges are estimated too, on at most four prompts; the shares above are patched of them as well. 0: none. Needs counterparts.',
    unit: 'parts',
    min: 0,
    max: 64,
    default: 8,
  },
};

/** What a person chooses of a sparse autoencoder on head outputs. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { modes } from '../../shared/effects/stand-ins';
import { metricTable } from '../../shared/effects/metric';
import * as field from '../../../kernels/parameters';

export const decoderNorms = ['outputs', 'features'] as const;
export type DecoderNorm = (typeof decoderNorms)[number];
export const reductions = ['mean', 'last'] as const;
export type Reduction = (typeof reductions)[number];

// A type and no interface: values are records.
export type SaeParameters = {
  readonly features: number;
  readonly sparsity: number;
  readonly steps: number;
  readonly examples: number;
  readonly trainings: number;
  readonly positions: string;
  readonly decoder: string;
  readonly normalise: boolean;
  readonly circuit: string;
  readonly reference: string;
  readonly verify: boolean;
  readonly mode: string;
  readonly heldOut: number;
  readonly randomSets: number;
  readonly metric: string;
};

export const saeTable: ParameterTable<SaeParameters> = {
  features: field.integer('Features', 'Codes that the autoencoder has for all heads together.', {
    min: 2,
    max: 1000,
    default: 200,
  }),
  sparsity: field.number(
    'Sparsity',
    'Weight of the sum of activations in the loss, for a residual stream of 768 as in GPT-2 small: in others it is multiplied by 768 / width. The paper has 0.02 for indirect object and greater-than, 0.05 for docstring.',
    { min: 0, max: 1000, default: 0.02 },
  ),
  steps: field.integer('Steps', 'Training steps (Adam at 0.001), each over all training examples.', {
    min: 1,
    max: 10_000,
    default: 500,
  }),
  examples: field.integer('Training examples', 'Prompts and counterparts, mixed, drawn from all that are coded.', {
    min: 2,
    max: 50,
    default: 10,
  }),
  trainings: field.integer(
    'Trainings',
    'Times that all is repeated, with other training examples and other starts: scores are means over them.',
    { min: 1, max: 100, default: 5 },
  ),
  positions: field.choice(
    'Positions',
    'Output of a head in one example: its mean over all positions, or that at the last one.',
    { options: reductions, default: 'mean' },
  ),
  decoder: field.choice(
    'Decoder norm',
    "What has norm 1 in the decoder: the weights of each output channel over the features, as in the authors' code, or those of each feature, as is usual.",
    { options: decoderNorms, default: 'outputs' },
  ),
  normalise: field.flag('Share of codes', 'Divide the codes that only prompts have by all codes of the head.', false),
  circuit: field.file(
    'Circuit',
    'What the ranking is held against, as circuit-discovery or path-patching has saved it.',
  ),
  reference: field.heads(
    'Reference heads',
    'Heads that the ranking is held against instead, such as 9.9,10.0 of a paper.',
  ),
  verify: field.flag(
    'Verify',
    'Take the first heads of the rankings away, and as many random ones, on held-out prompts.',
    true,
  ),
  mode: field.choice('Ablation', 'What replaces a removed head: its output on the counterpart, its mean, or zeros.', {
    options: [...modes].reverse(),
    default: 'resample',
  }),
  heldOut: field.number('Held out', 'Share of the prompts that are not coded, and used to verify; at least one.', {
    min: 1,
    max: 99,
    default: 20,
    unit: '%',
  }),
  randomSets: field.integer('Random orders', 'Orders of all heads from which random heads are taken.', {
    min: 1,
    max: 200,
    default: 10,
  }),
  metric: metricTable.metric,
};

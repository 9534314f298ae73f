/** The parameters of the analysis `duoattention`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type DuoParameters = {
  readonly method: string;
  readonly gates: string;
  readonly rule: string;
  readonly sparsity: number;
  readonly threshold: number;
  readonly sinks: number;
  readonly recent: number;
  readonly trainSinks: number;
  readonly trainRecent: number;
  readonly steps: number;
  readonly rate: number;
  readonly penalty: number;
  readonly keys: number;
  readonly words: number;
  readonly shortest: number;
  readonly longest: number;
  readonly text: string;
  readonly checks: number;
};

export const methods = ['gradient', 'first-order', 'published'] as const;
export type Method = (typeof methods)[number];

export const parameters: ParameterTable<DuoParameters> = {
  method: field.choice(
    'Gates',
    'gradient: trained on pass keys, as published; first-order: what the distance grows by when one head alone streams; published: read from a file, to choose by another rule.',
    { options: methods, default: 'gradient' },
  ),
  gates: field.file(
    'Published gates',
    'full_attention_heads.tsv of a release of DuoAttention, or a saved result of this analysis; only for the gates `published`.',
  ),
  rule: field.choice('Chosen by', 'sparsity: a share of the heads streams; threshold: heads with a smaller gate do.', {
    options: ['sparsity', 'threshold'],
    default: 'sparsity',
  }),
  sparsity: field.number(
    'Sparsity',
    'Share of key/value heads that stream: 0.75 (multi-head) and 0.5 (grouped heads) in the paper.',
    { min: 0, max: 1, default: 0.5 },
  ),
  threshold: field.number('Threshold', 'Least gate that keeps everything, where that is the rule.', {
    min: 0,
    max: 1e6,
    default: 0.5,
  }),
  sinks: field.integer('Sinks', 'First positions that a streaming head keeps under the plan.', {
    min: 0,
    max: 65_536,
    default: 64,
  }),
  recent: field.integer('Recents', 'Newest positions that it keeps under the plan.', {
    min: 0,
    max: 1 << 24,
    default: 256,
  }),
  trainSinks: field.integer(
    'Sinks of the training',
    'First positions that a streaming head reads while gates are found; 128 in the release.',
    { min: 0, max: 65_536, default: 8 },
  ),
  trainRecent: field.integer(
    'Recents of the training',
    'Newest positions that it reads then, its own among them; 256 in the release.',
    { min: 1, max: 1 << 24, default: 32 },
  ),
  steps: field.integer(
    'Steps',
    'Training steps, one prompt each; 2000 in the release. For first-order gates: prompts of each head.',
    { min: 1, max: 100_000, default: 200 },
  ),
  rate: field.number('Learning rate', 'Largest; it rises over the first fifth of the steps and falls over the last.', {
    min: 0,
    max: 1,
    default: 0.02,
  }),
  penalty: field.number('Penalty', 'Weight of the mean of the gates in the loss.', { min: 0, max: 10, default: 0.05 }),
  keys: field.integer('Pass keys', 'Hidden in each prompt and asked for at its end; 10 in the release.', {
    min: 1,
    max: 26,
    default: 5,
  }),
  words: field.integer('Words of a key', 'Drawn from the spelling alphabet; 32 in the release.', {
    min: 1,
    max: 256,
    default: 6,
  }),
  shortest: field.integer(
    'Shortest context',
    'The shortest of the 50 context lengths before the questions; 1000 in the release.',
    {
      min: 8,
      max: 4_000_000,
      default: 256,
      unit: 'tokens',
    },
  ),
  longest: field.integer('Longest context', 'The last of them; 32000 in the release.', {
    min: 8,
    max: 4_000_000,
    default: 384,
    unit: 'tokens',
  }),
  text: field.file('Text between the keys', 'A text file, e.g. a book; empty: five sentences, repeated.'),
  checks: field.integer(
    'Check prompts',
    'Further prompts on which the choice is compared with other heads and a uniform window; 0: none.',
    { min: 0, max: 1000, default: 4 },
  ),
};

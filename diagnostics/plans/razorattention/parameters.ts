/** The parameters of the analysis `razorattention`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type RazorParameters = {
  readonly period: number;
  readonly induction: number;
  readonly echo: number;
  readonly sinks: number;
  readonly recent: number;
  readonly compression: number;
  readonly compensation: boolean;
  readonly decoding: string;
  readonly prefill: string;
  readonly grid: boolean;
  readonly gridPrompts: number;
  readonly gridLength: number;
  readonly gridRecent: number;
};

const decodings = ['merge', 'append'] as const;

export const parameters: ParameterTable<RazorParameters> = {
  period: field.integer(
    'Random tokens',
    'K of the probe, which says them four times. Fewer where the context or the vocabulary of the model has no room; 2500 in the release.',
    { min: 8, max: 4096, default: 512, unit: 'tokens' },
  ),
  induction: field.number(
    'Induction heads',
    'Share of the key/value heads that keep everything for their induction score: at least one, or none at 0.',
    { min: 0, max: 1, default: 0.14 },
  ),
  echo: field.number(
    'Echo heads',
    'Share of the key/value heads that keep everything for their echo score: at least one, or none at 0.',
    { min: 0, max: 1, default: 0.01 },
  ),
  sinks: field.integer('Sinks', 'First positions that the other heads keep.', { min: 0, max: 65_536, default: 4 }),
  recent: field.integer('Least recents', 'S0: the other heads keep so many of the newest positions at least.', {
    min: 1,
    max: 1 << 24,
    default: 4000,
    unit: 'tokens',
  }),
  compression: field.number(
    'Compression',
    'C: of a prompt of N tokens, the heads keep the newest N / C where that is more.',
    { min: 1, max: 1e6, default: 5 },
  ),
  compensation: field.flag(
    'Compensation token',
    'What they drop is read as the mean of its keys with the mean of its values, counted as often.',
    true,
  ),
  decoding: field.choice(
    'While decoding',
    'merge: a position that leaves the newest ones goes into the mean; append: what follows the prompt is kept beside the rest.',
    { options: decodings, default: 'merge' },
  ),
  prefill: field.choice(
    'Prompt',
    'dense: read in full and compressed at its end, as published; spans: read under the plan.',
    { options: ['dense', 'spans'], default: 'dense' },
  ),
  grid: field.flag(
    'Ablation grid',
    'Find pass keys with 5, 8, 11 and 14 % induction heads, with and without echo heads and compensation.',
    false,
  ),
  gridPrompts: field.integer('Pass keys', 'Prompts of the grid.', { min: 1, max: 1000, default: 24 }),
  gridLength: field.integer('Length of their prompts', 'About so many tokens.', {
    min: 96,
    max: 4_000_000,
    default: 256,
    unit: 'tokens',
  }),
  gridRecent: field.integer(
    'Least recents of the grid',
    'S0 of the grid, whose prompts are shorter than those of the paper.',
    { min: 1, max: 1 << 24, default: 32, unit: 'tokens' },
  ),
};

/** The parameters of the analysis `razorattention`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';

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

export const decodings = ['merge', 'append'] as const;

export const parameters: ParameterTable<RazorParameters> = {
  period: {
    kind: 'integer',
    title: 'Random tokens',
    description:
      'K of the probe, which says them four times. Fewer where the context or the vocabulary of the model has no room; 2500 in the release.',
    unit: 'tokens',
    min: 8,
    max: 4096,
    default: 512,
  },
  induction: {
    kind: 'number',
    title: 'Induction heads',
    description:
      'Share of the key/value heads that keep everything for their induction score: at least one, or none at 0.',
    min: 0,
    max: 1,
    default: 0.14,
  },
  echo: {
    kind: 'number',
    title: 'Echo heads',
    description: 'Share of the key/value heads that keep everything for their echo score: at least one, or none at 0.',
    min: 0,
    max: 1,
    default: 0.01,
  },
  sinks: {
    kind: 'integer',
    title: 'Sinks',
    description: 'First positions that the other heads keep.',
    min: 0,
    max: 65_536,
    default: 4,
  },
  recent: {
    kind: 'integer',
    title: 'Least recents',
    description: 'S0: the other heads keep so many of the newest positions at least.',
    unit: 'tokens',
    min: 1,
    max: 1 << 24,
    default: 4000,
  },
  compression: {
    kind: 'number',
    title: 'Compression',
    description: 'C: of a prompt of N tokens they keep the newest N / C where that is more.',
    min: 1,
    max: 1e6,
    default: 5,
  },
  compensation: {
    kind: 'boolean',
    title: 'Compensation token',
    description: 'What they drop is read as the mean of its keys with the mean of its values, counted as often.',
    default: true,
  },
  decoding: {
    kind: 'choice',
    title: 'While decoding',
    description:
      'merge: a position that leaves the newest ones goes into the mean; append: what follows the prompt is kept beside the rest.',
    options: decodings,
    default: 'merge',
  },
  prefill: {
    kind: 'choice',
    title: 'Prompt',
    description: 'dense: read in full and compressed at its end, as published; spans: read under the plan.',
    options: ['dense', 'spans'],
    default: 'dense',
  },
  grid: {
    kind: 'boolean',
    title: 'Ablation grid',
    description: 'Find pass keys with 5, 8, 11 and 14 % induction heads, with and without echo heads and compensation.',
    default: false,
  },
  gridPrompts: {
    kind: 'integer',
    title: 'Pass keys',
    description: 'Prompts of the grid.',
    min: 1,
    max: 1000,
    default: 24,
  },
  gridLength: {
    kind: 'integer',
    title: 'Length of their prompts',
    description: 'About so many tokens.',
    unit: 'tokens',
    min: 96,
    max: 4_000_000,
    default: 256,
  },
  gridRecent: {
    kind: 'integer',
    title: 'Least recents of the grid',
    description: 'S0 of the grid, whose prompts are shorter than those of the paper.',
    unit: 'tokens',
    min: 1,
    max: 1 << 24,
    default: 32,
  },
};

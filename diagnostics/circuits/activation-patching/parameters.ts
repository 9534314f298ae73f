/** What a person chooses of activation patching. */
import type { Replaceable } from '../../../models/instrument/changes/replacement';
import type { Stack } from '../../../protocol/sections/section-base';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { leastGapParameter } from '../../shared/effects/gap';
import { metricTable, type MetricParameters } from '../../shared/effects/metric';
import { type ColumnChoice, columnChoices } from '../../shared/effects/columns';
import * as field from '../../../kernels/parameters';

export const sites = [
  'head-output',
  'query',
  'key',
  'value',
  'mlp',
  'residual',
  'cross-head-output',
  'encoder-head-output',
  'state-head-output',
] as const;
export type Site = (typeof sites)[number];

export const directions = ['denoise', 'noise'] as const;
export type Direction = (typeof directions)[number];

// A type and no interface: values are records.
export type PatchingParameters = MetricParameters & {
  readonly leastGap: number;
  readonly site: Site;
  readonly direction: Direction;
  readonly columns: ColumnChoice;
  readonly at: string;
  readonly nullPairs: boolean;
};

export const targetOf: Readonly<Record<Site, Replaceable>> = {
  'head-output': 'head',
  query: 'query',
  key: 'key',
  value: 'value',
  mlp: 'mlp',
  residual: 'residual',
  'cross-head-output': 'cross-head',
  'encoder-head-output': 'head',
  'state-head-output': 'state-head',
};

/** The grid of an encoder-decoder whose heads are patched; undefined for the heads that any model has. */
export const stackOf = (site: Site): Stack | undefined =>
  site === 'cross-head-output' ? 'cross' : site === 'encoder-head-output' ? 'encoder' : undefined;

/** What a head of the grid is, if it is not a query head. */
export const headKind = (site: Site): string | undefined =>
  site === 'key' || site === 'value' ? 'key/value head' : site === 'state-head-output' ? 'recurrence head' : undefined;

/** Patched head by head, at all positions at once; the others position by position. */
export const isPerHead = (site: Site): boolean => site !== 'mlp' && site !== 'residual';

export const patchingTable: ParameterTable<PatchingParameters> = {
  site: field.choice(
    'Patched',
    'Output of each head, its query, key or value (after rotation), what each MLP adds, or the residual stream that leaves each layer. For an encoder-decoder also the output of each head of cross-attention or of the encoder; for a recurrence beside attention that of each of its heads.',
    { options: sites, default: 'head-output' },
  ),
  direction: field.choice(
    'Direction',
    'Denoise: clean values into the run of the corrupted prompt (what is enough); noise: corrupted values into the run of the clean one (what is needed).',
    { options: directions, default: 'denoise' },
  ),
  columns: field.choice(
    'Columns',
    'Where MLPs and the residual stream are patched, and heads that are looked at closer: at each position, at the positions of each role of the task, or at all at once. Usual: positions where all prompts have the same, of at most 64 tokens; else roles.',
    { options: columnChoices, default: 'usual' },
  ),
  at: field.text(
    'Heads patched at',
    'A role of the task (query), or positions such as 3-5,9, both ends counted; empty: all positions.',
  ),
  ...metricTable,
  leastGap: leastGapParameter('the clean and the corrupted prompts'),
  nullPairs: field.flag(
    'Random pairs',
    'Patch from another prompt of the task too, drawn at random: what any prompt of its kind would do.',
    true,
  ),
};

/** Heads in the order of a number, and what the sections call regions. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { regionLetter } from '../../../protocol/interventions/regions';
import { cellOf } from '../../../protocol/sections/cell';
import type { PerHead, RegionAttentionResult } from './result';

/** Heads that were measured, largest first. */
export const ranked = (table: PerHead): readonly (HeadPlace & { readonly value: number })[] =>
  table
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => b.value - a.value || a.layer - b.layer || a.head - b.head);

export const at = (table: PerHead, { layer, head }: HeadPlace) => cellOf(table[layer]?.[head]);

/** The patches of each region. */
export const outlinedOf = ({ regions, owner, imageRows }: RegionAttentionResult) =>
  regions.map((_, s) => ({
    name: regionLetter(s),
    tokens: imageRows.flatMap((row, token) => (owner[row] === s ? [token] : [])),
  }));

type Regions = Pick<RegionAttentionResult, 'regions' | 'sizes'>;

/** `A: 0-3x2-5 (16 tokens); B: …` */
export const regionWords = ({ regions, sizes }: Regions): string =>
  regions.map((region, s) => `${regionLetter(s)}: ${region} (${sizes[s] ?? 0} tokens)`).join('; ');

/** `A 0-3x2-5` */
export const regionNames = ({ regions }: Pick<Regions, 'regions'>): readonly string[] =>
  regions.map((region, s) => `${regionLetter(s)} ${region}`);

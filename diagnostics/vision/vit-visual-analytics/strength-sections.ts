/** Sections on how far heads read. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { threeDigits } from '../../../protocol/wire/number-words';
import { asks } from './importance-sections';
import type { Strength } from './result';
import * as build from '../../../protocol/sections/builders';

export const strengthSections = (strength: Strength | undefined): readonly Section[] =>
  strength ? [headsSection(strength), trendSection(strength)] : [];

function headsSection(strength: Strength) {
  const { uniform, pictures } = strength;
  const number = (
    name: string,
    title: string,
    unit: string,
    definition: string,
    values: HeadsLayer['values'],
    stretched = false,
  ): HeadsLayer =>
    build.scaled({ kind: 'sequential', min: stretched ? least(values) : 0 }, name, title, definition, values, unit);
  const even = (value: number): string => `Attention that gives every key the same has ${threeDigits(value)}.`;
  return build.heads(
    'strength',
    'How far each head reads',
    `Mean over all patches of ${pictures} pictures.`,
    [
      number(
        'distance',
        'Mean distance',
        'patches',
        `Mean distance of the patches that a patch reads, by their weights. ${even(uniform.distance)}`,
        strength.distance,
        true,
      ),
      number(
        'local',
        'Local share',
        '',
        `Weight on the patch itself and its neighbours at distance 1. ${even(uniform.local)}`,
        strength.local,
      ),
      number(
        'lead',
        'Weight on leading rows',
        '',
        `Weight of patches on the rows before the patches (class, distillation, registers). ${even(uniform.lead)}`,
        strength.lead,
      ),
      number(
        'entropy',
        'Entropy',
        'nats',
        `Mean over patches of -sum p ln p over all keys. ${even(uniform.entropy)}`,
        strength.entropy,
        true,
      ),
      number(
        'across',
        'Reach across',
        'patches',
        'Mean distance in columns of the patches that a patch reads, by their weights.',
        strength.across,
        true,
      ),
      number(
        'down',
        'Reach up and down',
        'patches',
        'Mean distance in rows of the patches that a patch reads, by their weights.',
        strength.down,
        true,
      ),
    ],
    { ask: asks.strength },
  );
}

/** The smallest number, from which colours begin: heads of one model differ by little. */
const least = (values: HeadsLayer['values']): number => Math.min(...values.flat().filter(Number.isFinite));

const axisOfRings = (rings: number) => build.axis('distance', 'patches', { min: 0, max: Math.max(1, rings - 1) });

const lineOf = (id: string, title: string, values: readonly number[]): SectionSeries => build.line(id, title, values);

function trendSection({ trend, uniform }: Strength) {
  return build.chart(
    'trend',
    'Weight by distance, layer by layer',
    'Mean over the heads of a layer. Rings grow with distance and are cut at the border, so compare with attention that gives every key the same.',
    axisOfRings(uniform.mass.length),
    build.axis('weight on the ring', '', { min: 0 }),
    [
      ...trend.mean.map((values, layer) => ({
        ...lineOf(`layer-${layer}`, `layer ${layer}`, values),
        points: values.map((y, x) => ({ x, y, low: trend.low[layer]?.[x] ?? y, high: trend.high[layer]?.[x] ?? y })),
      })),
      lineOf('uniform', 'every key the same', uniform.mass),
    ],
    { interval: 'One standard deviation over the heads of the layer to each side' },
  );
}

/** The profile of one head. */
export function profileSection({ mass, perPatch, lead, uniform }: Strength, layer: number, head: number) {
  const scaled = (values: readonly number[], by: readonly number[]): readonly number[] =>
    values.map((value, k) => value / (by[k] ?? Number.NaN));
  return build.chart(
    `profile-L${layer}H${head}`,
    `Weight of L${layer}H${head} by distance`,
    `Weight on leading rows: ${threeDigits(lead[layer]?.[head] ?? Number.NaN)}; with it the weights on all rings sum to 1. Per patch: the weight of one patch of the ring, over that of attention that gives every key the same.`,
    axisOfRings(uniform.mass.length),
    build.axis('weight', '', { min: 0 }),
    [
      lineOf('mass', 'on the ring', mass[layer]?.[head] ?? []),
      lineOf('uniform', 'on the ring, every key the same', uniform.mass),
      lineOf(
        'per-patch',
        'per patch, times that of an even one',
        scaled(perPatch[layer]?.[head] ?? [], uniform.perPatch),
      ),
    ],
  );
}

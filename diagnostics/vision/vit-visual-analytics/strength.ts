/**
 * How far the patches of a head read, by rings of distance on the grid. Of attention A [L + N, L + N] with L leading rows (class,
 * distillation) and N patches, over all patches i and all pictures:
 *
 *   S(k) = mean over i of sum over ring k of A_ij                 mass of a ring
 *   s(k) = mean over i of the mean over ring k of A_ij            mass of one patch of a ring; patches whose ring is empty are skipped
 *   S_lead = mean over i of sum over the leading rows of A_ij     so that S_lead + sum over k of S(k) = 1
 *   mean distance = sum k S(k) / sum S(k)    local share = S(0) + S(1)    entropy = mean over i of -sum A_ij ln A_ij, nats
 *   across, down = mean over i of sum |c - c'| A_ij and of sum |r - r'| A_ij, over the patch mass
 */
import type { Grid, Hops } from './hops';

export interface StrengthSums {
  /** Maps that were added. */
  maps: number;
  /** [rings] */
  readonly mass: Float64Array;
  /** [rings] */
  readonly perPatch: Float64Array;
  /** [N]: what the first leading row reads; empty without one. */
  readonly classRow: Float64Array;
  lead: number;
  entropy: number;
  across: number;
  down: number;
}

export const emptySums = ({ rings, patches }: Hops, leading: number): StrengthSums => ({
  maps: 0,
  mass: new Float64Array(rings),
  perPatch: new Float64Array(rings),
  classRow: new Float64Array(leading > 0 ? patches : 0),
  lead: 0,
  entropy: 0,
  across: 0,
  down: 0,
});

/** `map`: [L + N, L + N], row-major. */
export function addMap(
  sums: StrengthSums,
  map: ArrayLike<number>,
  { columns }: Grid,
  hops: Hops,
  leading: number,
): void {
  const { of, patches, rings, sizes } = hops;
  const width = leading + patches;
  const counted = queriesOf(hops);
  const ring = new Float64Array(rings);
  sums.maps += 1;
  for (let j = 0; j < sums.classRow.length; j++) sums.classRow[j]! += map[leading + j] ?? 0;
  for (let i = 0; i < patches; i++) {
    const row = (leading + i) * width;
    ring.fill(0);
    let [lead, entropy, across, down] = [0, 0, 0, 0];
    for (let key = 0; key < width; key++) {
      const weight = map[row + key] ?? 0;
      if (weight > 0) entropy -= weight * Math.log(weight);
      if (key < leading) {
        lead += weight;
        continue;
      }
      const j = key - leading;
      ring[of[i * patches + j]!]! += weight;
      across += weight * Math.abs((i % columns) - (j % columns));
      down += weight * Math.abs(Math.floor(i / columns) - Math.floor(j / columns));
    }
    for (let k = 0; k < rings; k++) {
      sums.mass[k]! += ring[k]! / patches;
      const size = sizes[i * rings + k]!;
      if (size > 0) sums.perPatch[k]! += ring[k]! / size / counted[k]!;
    }
    sums.lead += lead / patches;
    sums.entropy += entropy / patches;
    sums.across += across / patches;
    sums.down += down / patches;
  }
}

/** By ring: patches of which it is not empty. */
const queriesOf = ({ patches, rings, sizes }: Hops): readonly number[] =>
  Array.from({ length: rings }, (_, k) => {
    let count = 0;
    for (let i = 0; i < patches; i++) if (sizes[i * rings + k]! > 0) count += 1;
    return count;
  });

export interface Profile {
  readonly mass: readonly number[];
  readonly perPatch: readonly number[];
  readonly classRow: readonly number[];
  readonly lead: number;
  readonly distance: number;
  readonly local: number;
  readonly entropy: number;
  readonly across: number;
  readonly down: number;
}

export function profileOf(sums: StrengthSums): Profile {
  const over = (value: number): number => value / sums.maps;
  const mass = Array.from(sums.mass, over);
  const patchMass = mass.reduce((sum, value) => sum + value, 0);
  return {
    mass,
    perPatch: Array.from(sums.perPatch, over),
    classRow: Array.from(sums.classRow, over),
    lead: over(sums.lead),
    distance: mass.reduce((sum, value, k) => sum + k * value, 0) / patchMass,
    local: (mass[0] ?? 0) + (mass[1] ?? 0),
    entropy: over(sums.entropy),
    across: over(sums.across) / patchMass,
    down: over(sums.down) / patchMass,
  };
}

/** Profile of attention that gives every key the same weight. */
export function uniformProfile(grid: Grid, hops: Hops, leading: number): Profile {
  const width = leading + hops.patches;
  const sums = emptySums(hops, leading);
  addMap(sums, new Float64Array(width * width).fill(1 / width), grid, hops, leading);
  return profileOf(sums);
}

/** Sums of several pictures as those of all of them. */
export function joined(parts: readonly StrengthSums[], hops: Hops, leading: number): StrengthSums {
  const all = emptySums(hops, leading);
  for (const part of parts) {
    all.maps += part.maps;
    for (const name of ['mass', 'perPatch', 'classRow'] as const) {
      part[name].forEach((value, at) => (all[name][at]! += value));
    }
    for (const name of ['lead', 'entropy', 'across', 'down'] as const) all[name] += part[name];
  }
  return all;
}

/** Whether layers look at the same places. */
import { pearson } from '../../shared/statistics/correlation';

/** Maps of the heads of each layer over the places, [layers][heads][places]. */
export type HeadMaps = readonly (readonly (readonly number[])[])[];

/** Place by place. */
export const meanMap = (maps: readonly (readonly number[])[]): readonly number[] =>
  (maps[0] ?? []).map((_, place) => maps.reduce((sum, map) => sum + (map[place] ?? 0), 0) / maps.length);

/** Pearson's correlation of the mean maps of every two layers. */
export function agreementOf(maps: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return maps.map((a) => maps.map((b) => correlation(a, b)));
}

/** Correlation of each head's map with the mean over all heads of all other layers; NaN with one layer. */
export function headsAgainstOthers(maps: HeadMaps): readonly (readonly number[])[] {
  return maps.map((own, layer) => {
    const others = meanMap(maps.filter((_, other) => other !== layer).flat());
    return own.map((map) => (others.length === 0 ? Number.NaN : correlation(map, others)));
  });
}

/** NaN where a map is even: its deviations are rounding of float32. */
function correlation(a: readonly number[], b: readonly number[]): number {
  return isEven(a) || isEven(b) ? Number.NaN : pearson(a, b).r;
}

function isEven(map: readonly number[]): boolean {
  const most = map.reduce((far, value) => Math.max(far, value), 0);
  const least = map.reduce((far, value) => Math.min(far, value), Infinity);
  return most - least <= 1e-6 * most;
}

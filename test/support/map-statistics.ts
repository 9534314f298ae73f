/**
 * The statistics of heads from whole probability maps, in one pass over each: the naive way, by the definitions of
 * compute-server/model/run/stream/head-statistics.ts, for benches and as a second computation for tests.
 */
import { earlierOccurrences, localWindow } from '../../compute-server/model/run/stream/statistics-layout';
import type { HeadStatistics } from '../../protocol/results/heads-schema';

export type MapStatistics = Readonly<Record<keyof HeadStatistics, number>>;

/** `map` [T, T] of one head, rows are queries. */
export function statisticsOfMap(map: Float32Array, ids: readonly number[]): MapStatistics {
  const { length } = ids;
  const earlier = earlierOccurrences(ids);
  let [previous, first, self, entropy, distance, local, induction, duplicate, repeated] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    const row = i * length;
    const at = (key: number): number => map[row + key] ?? 0;
    self += at(i);
    if (i > 0) {
      previous += at(i - 1);
      first += at(0);
    }
    for (let j = 0; j <= i; j++) {
      const p = at(j);
      if (p > 0) entropy -= p * Math.log(p);
      distance += p * (i - j);
      if (j > i - localWindow) local += p;
    }
    const before = earlier[i] ?? [];
    if (before.length > 0) repeated++;
    for (const key of before) {
      duplicate += at(key);
      if (key + 1 < i) induction += at(key + 1);
    }
  }
  return {
    previousToken: previous / (length - 1),
    firstToken: first / (length - 1),
    selfToken: self / length,
    entropy: entropy / length,
    meanDistance: distance / length,
    localWindow: local / length,
    induction: induction / repeated,
    duplicateToken: duplicate / repeated,
  };
}

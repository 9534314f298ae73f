/** Statistics, pictures and most-read keys of maps that are held whole, by the definitions of a run (head-statistics.ts). */
import type { HeadNumbers } from '../../diagnostics/model-runner/head-numbers';
import type { TopKeys } from '../../diagnostics/model-runner/run-request';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { topKeys } from '../../models/instrument/statistics';
import { StatisticsCollector, type Window } from '../model/run/stream/head-statistics';
import { blockOf, earlierOccurrences, PickTable, thumbnailSize } from '../model/run/stream/statistics-layout';

/** The maps of a layer, by head, [n, n]. */
type Maps = readonly Float32Array[];

export function numbersOfMaps(
  maps: Maps,
  { ids, groups = [] }: Pick<Sequence, 'ids' | 'groups'>,
  { causal, window }: { readonly causal: boolean; readonly window?: number | undefined },
): HeadNumbers {
  const n = ids.length;
  const reach: Window | undefined =
    window === undefined ? undefined : { size: window, around: !causal, chunked: false, marked: [], sequence: { ids } };
  const picks = new PickTable(earlierOccurrences(ids));
  const collector = new StatisticsCollector(maps.length, picks, groups, undefined, causal ? 0 : n, reach);
  for (let row = 0; row < n; row++) {
    const rows = maps.map((map) => map.subarray(row * n, (row + 1) * n));
    collector.addRow(row, {
      first: 0,
      sums: (head) => sumsOf(rows[head] ?? new Float32Array(n)),
      weightsOf: (keys) =>
        Float32Array.from({ length: rows.length * keys.length }, (_, at) => {
          const key = keys[at % keys.length] ?? -1;
          return key < 0 ? 0 : (rows[Math.floor(at / keys.length)]?.[key] ?? 0);
        }),
      massOn: (keys) =>
        Float64Array.from(rows, (own) => Array.from(keys).reduce((sum, key) => sum + (own[key] ?? 0), 0)),
    });
  }
  return collector.numbers();
}

function sumsOf(row: Float32Array) {
  let [positions, entropy, largest] = [0, 0, 0];
  for (let key = 0; key < row.length; key++) {
    const p = row[key] ?? 0;
    if (p <= 0) continue;
    positions += p * key;
    entropy -= p * Math.log(p);
    largest = Math.max(largest, p);
  }
  return { positions, entropy: Math.max(0, entropy), largest };
}

/** [heads][size][size]: mean over a block of queries of the mass on a block of keys. */
export function pictureOfMaps(maps: Maps, n: number): Float32Array {
  const picture = new Float32Array(maps.length * thumbnailSize ** 2);
  const counts = new Float64Array(thumbnailSize);
  for (let row = 0; row < n; row++) counts[blockOf(row, n)]! += 1;
  maps.forEach((map, head) => {
    const sums = new Float64Array(thumbnailSize ** 2);
    for (let row = 0; row < n; row++) {
      const down = blockOf(row, n) * thumbnailSize;
      for (let key = 0; key < n; key++) sums[down + blockOf(key, n)]! += map[row * n + key] ?? 0;
    }
    sums.forEach((sum, at) => {
      const rows = counts[Math.floor(at / thumbnailSize)] ?? 0;
      picture[head * thumbnailSize ** 2 + at] = rows === 0 ? 0 : sum / rows;
    });
  });
  return picture;
}

/** Of all queries, or of the last one. Keys that get nothing are none. */
export function topKeysOfMaps(maps: Maps, n: number, which: 'all' | 'last'): TopKeys {
  const rows = which === 'all' ? Array.from({ length: n }, (_, row) => row) : [n - 1];
  const heads = maps.length;
  const weights = new Float32Array(rows.length * heads * topKeys);
  const keys = new Int32Array(weights.length).fill(-1);
  rows.forEach((row, at) => {
    maps.forEach((map, head) => {
      const own = map.subarray(row * n, (row + 1) * n);
      const read = [...own.keys()].filter((key) => (own[key] ?? 0) > 0);
      const most = read.sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0) || a - b).slice(0, topKeys);
      most.forEach((key, slot) => {
        weights[(at * heads + head) * topKeys + slot] = own[key] ?? 0;
        keys[(at * heads + head) * topKeys + slot] = key;
      });
    });
  });
  return { weights, keys, heads, k: topKeys };
}

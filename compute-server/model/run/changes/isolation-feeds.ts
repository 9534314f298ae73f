/** Regions that heads of a layer keep apart, as the inputs of its graph (models/instrument/interventions/isolation.ts). */
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import type { IsolationChange } from '../../../../diagnostics/model-runner/variant';
import type { RuntimeArray } from '../../../runtime/session';
import type { FedRows } from '../graphs/fed-rows';
import { usesChange } from './rare-changes';

/** Nothing where no variant isolates regions in this layer: the graph has no inputs for it. */
export function isolationFeeds(
  { index: layer, attention: { heads } }: BlockSpec,
  { variants, start, length, keys }: FedRows,
): Record<string, RuntimeArray> {
  if (!usesChange('isolation', variants, layer)) return {};
  // Heads mostly share their regions: each list of them has its columns once, one for each region that reads.
  const lists: { readonly regions: IsolationChange['regions']; readonly offset: number }[] = [];
  let columns = 0;
  const offsetOf = (regions: IsolationChange['regions']): number => {
    const known = lists.find((list) => list.regions === regions);
    if (known) return known.offset;
    lists.push({ regions, offset: columns });
    columns += regions.length;
    return columns - regions.length;
  };
  const changes = variants.flatMap(({ isolations = [] }, v) =>
    isolations.filter((one) => one.layer === layer).map((one) => ({ ...one, v, offset: offsetOf(one.regions) })),
  );
  const firstKey = start + length - keys;
  const bias = new Float32Array(variants.length * heads * columns);
  for (const { v, head, offset, regions, oneWay, beta } of changes) {
    const at = (v * heads + head) * columns + offset;
    const reading = oneWay ? 1 : regions.length;
    for (let region = 0; region < reading; region++) bias[at + region] = (bias[at + region] ?? 0) - beta;
  }
  const queries = new Float32Array(columns * length);
  const others = new Float32Array(columns * keys);
  for (const { regions, offset } of lists) {
    regions.forEach((rows, region) => {
      const column = offset + region;
      for (const row of rows) if (row >= start && row < start + length) queries[column * length + row - start] = 1;
      regions.forEach((other, to) => {
        if (to === region) return;
        for (const row of other) {
          if (row >= firstKey && row < firstKey + keys) others[column * keys + row - firstKey] = 1;
        }
      });
    });
  }
  return {
    isolation_queries: { data: queries, shape: [columns, length] },
    isolation_keys: { data: others, shape: [columns, keys] },
    isolation_bias: { data: bias, shape: [variants.length, heads, columns] },
  };
}

/** Keys that heads of a layer emphasise, as the inputs of its graph (models/instrument/interventions/emphasis.ts). */
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import type { FedRows } from '../graphs/fed-rows';
import type { RuntimeArray } from '../../../runtime/session';

/** Nothing where no variant emphasises keys in this layer: the graph has no inputs for it. */
export function emphasisFeeds(
  { index: layer, attention: { heads } }: BlockSpec,
  { variants, start, length, keys }: FedRows,
): Record<string, RuntimeArray> {
  const changes = variants.flatMap(({ emphases = [] }, v) =>
    emphases.filter((one) => one.layer === layer).map((one) => ({ ...one, v })),
  );
  if (changes.length === 0) return {};
  // Changes that begin at the same row are one set of keys.
  const firsts = [...new Set(changes.map(({ first }) => first))];
  const sets = firsts.length;
  const rows = new Float32Array(length * sets);
  for (let row = 0; row < length; row++) {
    firsts.forEach((first, set) => (rows[row * sets + set] = start + row >= first ? 1 : 0));
  }
  const factor = new Float32Array(variants.length * heads * sets * keys);
  const firstKey = start + length - keys;
  for (const { v, head, keys: named, factor: c, first } of changes) {
    const at = ((v * heads + head) * sets + firsts.indexOf(first)) * keys;
    for (const row of named) {
      const key = row - firstKey;
      if (key >= 0 && key < keys) factor[at + key] = (factor[at + key] ?? 0) + c;
    }
  }
  return {
    emphasis_rows: { data: rows, shape: [length, sets] },
    emphasis_factor: { data: factor, shape: [variants.length, heads, sets, keys] },
  };
}

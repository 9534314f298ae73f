/** What key/value heads keep of the past, as the inputs of a layer's graph (models/instrument/interventions/plan.ts). */
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { Variant } from '../../../../diagnostics/model-runner/variant';
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import { droppedBefore, keepsAll } from '../../../../protocol/plans/held';
import type { RuntimeArray } from '../../../runtime/session';
import type { FedRows } from '../graphs/fed-rows';
import { int32, range } from '../graphs/runtime-arrays';

/** Whether a head of the layer drops anything. */
export const plansLayer = ({ plan }: Variant, layer: number): boolean =>
  plan?.heads[layer]?.some((held) => !keepsAll(held)) ?? false;

/** Whether a head of the layer reads what it drops as its mean. */
export const readsMeans = ({ plan }: Variant, layer: number): boolean =>
  plan?.heads[layer]?.some(({ mean }) => mean) ?? false;

interface Rows extends FedRows {
  readonly sequence: Pick<Sequence, 'ids' | 'positions'>;
}

/** Nothing where no variant has a plan for this layer: the graph has no inputs for it. */
export function planFeeds(
  { index: layer, attention: { heads, kvHeads, window } }: BlockSpec,
  { variants, start, length, keys, sequence }: Rows,
): Record<string, RuntimeArray> {
  if (!variants.some((variant) => plansLayer(variant, layer))) return {};
  const first = start + length - keys;
  const b = variants.length;
  const end = new Int32Array(b * heads * length);
  const kept = new Uint8Array(b * heads * keys);
  const mean = new Uint8Array(b * heads);
  const group = heads / kvHeads;
  variants.forEach(({ plan }, v) => {
    plan?.heads[layer]?.forEach((held, g) => {
      const at = v * heads + g * group;
      for (let query = Math.max(start, plan.from); query < start + length; query++) {
        end[at * length + query - start] = droppedBefore(held, plan.prompt, query).at(-1)?.end ?? 0;
      }
      // What is dropped once is dropped by every later query, so the last one shows what is kept for good.
      const gaps = droppedBefore(held, plan.prompt, Math.max(start + length, plan.prompt));
      const open = gaps.at(-1)?.end ?? 0;
      for (let key = 0; key < keys; key++) {
        const row = first + key;
        if (row < open && !gaps.some((gap) => row >= gap.start && row < gap.end)) kept[at * keys + key] = 1;
      }
      if (held.mean) mean[at] = 1;
      for (let other = at + 1; other < at + group; other++) {
        end.copyWithin(other * length, at * length, (at + 1) * length);
        kept.copyWithin(other * keys, at * keys, (at + 1) * keys);
        mean[other] = mean[at] ?? 0;
      }
    });
  });
  // A window counts positions, of which a sequence without one of its spans has fewer rows.
  let lowest = first;
  const firsts = range(start, length).map((query) => {
    if (window === undefined) return 0;
    while (lowest < query && positionAt(sequence, lowest) <= positionAt(sequence, query) - window) lowest++;
    return lowest;
  });
  return {
    plan_rows: int32(range(first, keys), [keys]),
    plan_start: int32(firsts, [length]),
    plan_end: { data: end, shape: [b, heads, length] },
    plan_kept: { data: kept, shape: [b, heads, keys] },
    ...(variants.some((variant) => readsMeans(variant, layer)) ? { plan_mean: { data: mean, shape: [b, heads] } } : {}),
  };
}

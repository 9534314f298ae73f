/** Attention that heads of a layer move between keys, as the inputs of its graph (models/instrument/interventions/redistribution.ts). */
import type { Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import { noLimit } from '../../../../models/instrument/interventions/redistribution';
import type { RuntimeArray } from '../../../runtime/session';
import { columnLimits, readersOf, redistributionsOf, type KeySources } from '../cache/key-sources';
import type { FedRows } from '../graphs/fed-rows';
import { usesChange } from './rare-changes';

interface Rows extends FedRows {
  /** Decided before; those of column strengths by the graph where they are open, which takes all rows of the prompt at once. */
  readonly sources?: KeySources | undefined;
  readonly sequence: Pick<Sequence, 'prefix'>;
}

/** Nothing where no variant moves attention in this layer: the graph has no inputs for it. */
export function redistributionFeeds(
  block: BlockSpec,
  { variants, start, length, keys, sources, sequence }: Rows,
): Record<string, RuntimeArray> {
  const {
    index: layer,
    attention: { heads },
  } = block;
  if (!usesChange('redistribution', variants, layer)) return {};
  const b = variants.length;
  const firstKey = start + length - keys;
  const perKey = (): Float32Array => new Float32Array(b * heads * keys);
  const [from, to, region] = [perKey(), perKey(), perKey()];
  const limit = usesChange('column-sources', variants, layer) ? perKey().fill(noLimit) : undefined;
  const share = new Float32Array(b * heads * length);
  const gate = new Float32Array(b * heads * 2).fill(-1);
  variants.forEach((variant, v) => {
    redistributionsOf(variant, layer, heads).forEach((change, head) => {
      if (!change) return;
      const at = v * heads + head;
      const set = (into: Float32Array, rows: Iterable<number>): void => {
        for (const row of rows) {
          const key = row - firstKey;
          if (key >= 0 && key < keys) into[at * keys + key] = 1;
        }
      };
      if (change.from.kind === 'rows') set(from, change.from.rows);
      else if (sources) {
        const found = sources.of(v, head);
        for (let key = 0; key < keys; key++) from[at * keys + key] = found[firstKey + key] ?? 0;
      }
      if (change.from.kind === 'columns' && sources?.open) {
        const limits = columnLimits(change.from, readersOf(block, start + length, sequence.prefix));
        limit?.set(limits.subarray(firstKey, firstKey + keys), at * keys);
      }
      set(to, change.to.rows);
      if (change.to.behind !== undefined) {
        to.fill(1, at * keys + Math.min(keys, Math.max(0, change.to.behind - firstKey)), (at + 1) * keys);
      }
      set(region, change.region);
      share.fill(change.share, at * length + Math.min(length, Math.max(0, change.first - start)), (at + 1) * length);
      gate[at * 2] = change.least ?? -1;
      gate[at * 2 + 1] = change.ratio ?? -1;
    });
  });
  const array = (data: Float32Array, ...shape: number[]): RuntimeArray => ({ data, shape });
  return {
    redistribution_from: array(from, b, heads, keys),
    ...(limit ? { redistribution_limit: array(limit, b, heads, keys) } : {}),
    redistribution_to: array(to, b, heads, keys),
    redistribution_region: array(region, b, heads, keys),
    redistribution_share: array(share, b, heads, length),
    redistribution_gate: array(gate, b, heads, 2),
  };
}

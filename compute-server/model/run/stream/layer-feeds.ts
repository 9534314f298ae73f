/** What a block graph takes in one call, interventions and statistics apart. */
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import type { RuntimeValue } from '../../../runtime/values';
import { chunkTables } from '../graphs/chunk-tables';
import type { KeyGroup } from '../../../../diagnostics/model-runner/sequence';
import { noStatistics } from './head-statistics';
import type { KeyValueCache } from '../cache/key-value-cache';
import { flag, int32, int64, range } from '../graphs/runtime-arrays';
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';

/** Keys and values that rows go on from: of a cache, or of a layer while its chunks run. */
export interface HeldKeys extends Pick<KeyValueCache, 'length' | 'first'> {
  past(layer: number): { readonly key: RuntimeValue; readonly value: RuntimeValue };
}

/** What every block graph takes, instrumented or plain. */
export function blockFeeds(
  model: ModelSpec,
  block: BlockSpec,
  cache: HeldKeys,
  residual: Float32Array | RuntimeValue,
  run: {
    readonly batch: number;
    /** Rows [start, start + length) of the sequence, or behind it. */
    readonly start: number;
    readonly length: number;
    readonly sequence: Pick<Sequence, 'ids' | 'positions' | 'prefix'>;
  },
): Record<string, RuntimeValue> {
  const layer = block.index;
  const past = cache.past(layer);
  const keys = cache.length(layer) + run.length;
  const { sequence } = run;
  const positions = range(run.start, run.length).map((row) => positionAt(sequence, row));
  const { causal, window, around } = block.attention;
  const prefixEnd = sequence.prefix ? positionAt(sequence, sequence.prefix - 1) : -1;
  const rope = block.attention.rope === undefined ? undefined : model.ropes[block.attention.rope];
  const tables = rope ? chunkTables(rope, model, run, positions) : undefined;
  const shape = rope ? [run.length, rope.dimensions / 2] : [];
  return {
    residual:
      residual instanceof Float32Array
        ? { data: residual, shape: [run.batch, run.length, model.hiddenSize] }
        : residual,
    past_key: past.key,
    past_value: past.value,
    ...(causal || around !== undefined
      ? {
          ...((window ?? around) === undefined ? {} : { query_positions: int32(positions, [run.length]) }),
          query_reach: int32(
            positions.map((position) => (around === undefined ? Math.max(position, prefixEnd) : position + around - 1)),
            [run.length],
          ),
          key_positions: int32(
            range(cache.first(layer), keys).map((row) => positionAt(sequence, row)),
            [keys],
          ),
        }
      : {}),
    ...(tables ? { rope_cos: { data: tables.cos, shape }, rope_sin: { data: tables.sin, shape } } : {}),
  };
}

export function groupColumns(groups: readonly KeyGroup[], firstKey: number, keys: number): RuntimeArray {
  const data = new Float32Array(groups.length * keys);
  groups.forEach((group, g) => {
    for (const position of group.positions) {
      const key = position - firstKey;
      if (key >= 0 && key < keys) data[g * keys + key] = 1;
    }
  });
  return { data, shape: [groups.length, keys] };
}

/** `statistics.mass` [b, h, rows, groups] of chosen queries of a chunk on the keys of each group. */
export function groupMass(
  keyGroups: RuntimeArray,
  rows: readonly number[],
  length: number,
  heads: number,
  batch = 1,
): Record<string, RuntimeArray> {
  const [groups = 0, keys = 0] = keyGroups.shape;
  const columns = new Float32Array(keys * groups);
  for (let g = 0; g < groups; g++) {
    for (let key = 0; key < keys; key++) columns[key * groups + g] = Number(keyGroups.data[g * keys + key] ?? 0);
  }
  const queries = new Float32Array(rows.length * length);
  rows.forEach((row, at) => (queries[at * length + row] = 1));
  return {
    ...noStatistics(keys, length),
    use_statistics: flag(true),
    key_columns: { data: columns, shape: [keys, groups] },
    segments: int64([batch, heads, 1, length, keys], [5]),
    query_rows: { data: queries, shape: [1, rows.length, length] },
  };
}

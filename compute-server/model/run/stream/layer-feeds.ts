/** What a block graph takes in one call, interventions and statistics apart, and the keys that it leaves for the next one. */
import { dispose, type KeptOutputs, type RuntimeValue, type RuntimeValues } from '../../../runtime/values';
import type { CacheBytes, KeyValueCache, LayerStates } from '../cache/key-value-cache';
import { numbersOf, rowsOf } from '../graphs/run-stream';
import { arrayOf, floats, range, flag, int32, int64 } from '../graphs/runtime-arrays';
import { rowWidth } from '../../../../models/architectures/carried-rows';
import { markedRows } from '../../../../models/architectures/marked-tokens';
import { positionsRead } from '../../../../models/architectures/block-graph';
import { newState, pastState } from '../../../../models/architectures/states/names';
import { stateShapes } from '../../../../models/architectures/states/state-branch';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import { chunkTables } from '../graphs/chunk-tables';
import { type KeyGroup, positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import { noStatistics } from './head-statistics';

/** Keys and values that rows go on from: of a cache, or of a layer while its chunks run. */
export interface HeldKeys extends Pick<KeyValueCache, 'length' | 'first'> {
  readonly states: Pick<KeyValueCache['states'], 'get'>;
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
  const { attention } = block;
  const around = attention?.around;
  const reads = attention ? positionsRead(attention) : undefined;
  const prefixEnd = sequence.prefix ? positionAt(sequence, sequence.prefix - 1) : -1;
  const rope = attention?.rope === undefined || attention.turns ? undefined : model.ropes[attention.rope];
  const tables = rope ? chunkTables(rope, model, run, positions) : undefined;
  const shape = rope ? [run.length, rope.dimensions / 2] : [];
  return {
    residual:
      residual instanceof Float32Array ? { data: residual, shape: [run.batch, run.length, rowWidth(model)] } : residual,
    ...(attention ? { past_key: past.key, past_value: past.value } : {}),
    ...stateFeeds(block, cache.states.get(layer), run.batch),
    ...(reads?.queries ? { query_positions: int32(positions, [run.length]) } : {}),
    ...(reads?.reach
      ? {
          query_reach: int32(
            positions.map((position) => (around === undefined ? Math.max(position, prefixEnd) : position + around - 1)),
            [run.length],
          ),
        }
      : {}),
    ...(reads?.keys
      ? {
          key_positions: int32(
            range(cache.first(layer), keys).map((row) => positionAt(sequence, row)),
            [keys],
          ),
        }
      : {}),
    ...marksOf(model, block, sequence.ids, [run.start, run.length], [cache.first(layer), keys]),
    ...(tables ? { rope_cos: { data: tables.cos, shape }, rope_sin: { data: tables.sin, shape } } : {}),
  };
}

/** Which queries and keys are marked: rows from a first one on, and how many. */
function marksOf(
  { marks }: ModelSpec,
  { attention }: BlockSpec,
  ids: readonly number[],
  queries: readonly [first: number, count: number],
  keys: readonly [first: number, count: number],
): Record<string, RuntimeArray> {
  if (!marks || attention?.projection.kind !== 'marked') return {};
  const marked = new Set(markedRows(marks, ids));
  const of = ([first, count]: readonly [number, number]): RuntimeArray =>
    int32(
      range(first, count).map((row) => (marked.has(row) ? 1 : 0)),
      [count],
    );
  return { query_marks: of(queries), key_marks: of(keys) };
}

/** The states that the graphs of a block take: zeros in front of the first row. */
export function stateFeeds({ state }: BlockSpec, held: LayerStates = {}, batch = 1): Record<string, RuntimeArray> {
  if (!state) return {};
  return Object.fromEntries(
    Object.entries(stateShapes(state)).map(([name, own]) => {
      const shape = [batch, ...own];
      const size = shape.reduce((product, axis) => product * axis, 1);
      return [pastState(name), held[name] ?? { data: new Float32Array(size), shape }];
    }),
  );
}

/** Outputs of the graphs of a block that are its states. */
export const stateOutputs = ({ state }: BlockSpec): readonly string[] =>
  state ? Object.keys(stateShapes(state)).map(newState) : [];

/** The states behind the rows that a graph was run for. */
export const statesIn = ({ state }: BlockSpec, values: RuntimeValues): LayerStates =>
  Object.fromEntries(
    Object.keys(state ? stateShapes(state) : {}).map((name) => [name, arrayOf(values, newState(name))]),
  );

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

interface Present {
  readonly key: RuntimeValue;
  readonly value: RuntimeValue;
  readonly length: number;
  readonly first: number;
}

const keptNames = ['present_key', 'present_value'] as const;
const newNames = ['new_key', 'new_value'] as const;

/**
 * Keys and values of one layer while its chunks run, and while a text goes on. Where the layer keeps its outputs on the device,
 * each run leaves the keys of all positions so far there: the output `present_key` is what the graph joins for its products in
 * any case, so that it costs no copy, where a session that joins would copy once more. Elsewhere what each run adds is put into
 * the cache on the host.
 */
export class LayerKeys implements HeldKeys {
  private present: Present | undefined;

  private readonly layer: number;
  private readonly window: number | undefined;

  constructor(
    private readonly block: BlockSpec,
    private readonly cache: KeyValueCache,
    /** Whether the layer's session keeps outputs on the device. */
    private readonly keeps: boolean,
  ) {
    this.layer = block.index;
    this.window = block.attention?.window;
  }

  /** Outputs of the graph that `take` needs, of which these stay where they are computed. */
  get outputs(): readonly string[] {
    return !this.block.attention ? [] : this.keeps ? keptNames : newNames;
  }

  /** The others that it needs: states are small, and kept on the host. */
  get stateOutputs(): readonly string[] {
    return stateOutputs(this.block);
  }

  get states(): KeyValueCache['states'] {
    return this.cache.states;
  }

  length(): number {
    return this.present?.length ?? this.cache.length(this.layer);
  }

  first(): number {
    return this.present?.first ?? this.cache.first(this.layer);
  }

  /** A cache on a device holds every position. */
  bytes(): CacheBytes {
    if (!this.present) return this.cache.bytes(this.layer);
    const numbers = [this.present.key, this.present.value].map(({ shape }) =>
      shape.reduce((size, axis) => size * axis, 1),
    );
    const all = 4 * numbers.reduce((sum, each) => sum + each, 0);
    return { used: all, allocated: all, full: all };
  }

  past(): { readonly key: RuntimeValue; readonly value: RuntimeValue } {
    return this.present ?? this.cache.past(this.layer);
  }

  /** Takes what a chunk of `added` rows gave. */
  async take(values: RuntimeValues, kept: KeptOutputs, added: number): Promise<void> {
    if (this.block.state) this.cache.states.set(this.layer, statesIn(this.block, values));
    if (!this.block.attention) {
      this.cache.pass(this.layer, added);
      return;
    }
    if (!this.keeps) {
      this.cache.append(this.layer, floats(values, 'new_key'), floats(values, 'new_value'));
      if (this.window !== undefined) this.cache.trim(this.layer, this.window - 1);
      return;
    }
    const [key, value] = [kept.of('present_key', values), kept.of('present_value', values)];
    const [length, first] = [this.length() + added, this.first()];
    this.dispose();
    this.present = { key, value, length, first };
    const most = this.window === undefined ? length : this.window - 1;
    if (length > most) await this.trim(this.present, most);
  }

  /** Puts what is on the device into the cache, which held nothing of the layer. */
  async settle(): Promise<void> {
    if (!this.present) return;
    const { key, value, first } = this.present;
    this.cache.append(this.layer, await numbersOf(key), await numbersOf(value));
    this.cache.shift(this.layer, first);
  }

  dispose(): void {
    dispose(this.present?.key, this.present?.value);
    this.present = undefined;
  }

  /** Keeps the last positions alone. */
  private async trim({ key, value, length, first }: Present, most: number): Promise<void> {
    const rows = range(length - most, most);
    const shape = [most, ...key.shape.slice(1)];
    const lastKeys = await rowsOf(key, rows, shape);
    const lastValues = await rowsOf(value, rows, shape).catch((error: unknown) => {
      dispose(lastKeys);
      throw error;
    });
    dispose(key, value);
    this.present = { key: lastKeys, value: lastValues, length: most, first: first + length - most };
  }
}

/** What the cross-attention of a layer takes and gives over the chunks of a run. */
import type { CrossNumbers } from '../../../../diagnostics/model-runner/head-numbers';
import type { CrossResult, RunRequest } from '../../../../diagnostics/model-runner/run-request';
import type { KeyGroup } from '../../../../diagnostics/model-runner/sequence';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { crossStatisticOutputs } from '../../../../models/instrument/cross-statistics';
import type { LayerTap } from '../../../../models/instrument/taps';
import type { RuntimeArray, RuntimeValues } from '../../../runtime/session';
import type { LayerSessions } from '../graphs/layer-sessions';
import { flag, floats, int64 } from '../graphs/runtime-arrays';
import { ofBatch, sourceKeys, sourceOf, type SourceKeys } from './source-keys';

type Asked = Pick<RunRequest, 'ids' | 'source' | 'variantSources' | 'statistics' | 'crossMaps' | 'taps'> & {
  readonly plain?: boolean;
};

/** Taps that are of the source and not of the rows of a run. */
const ofSource: readonly LayerTap[] = ['cross.key', 'cross.value'];
export const isOfSource = (tap: LayerTap): boolean => ofSource.includes(tap);

export class CrossRun {
  private readonly mapHeads: readonly number[];
  private readonly maps = new Map<number, Float32Array>();
  private readonly measured: boolean;
  private readonly groups: readonly KeyGroup[];
  /** [h, columns], [h] and [h], summed over the rows. */
  private readonly mass: Float64Array;
  private readonly entropy: Float64Array;
  private readonly largest: Float64Array;

  private constructor(
    private readonly heads: number,
    private readonly request: Asked,
    layer: number,
    private readonly keys: SourceKeys,
  ) {
    this.mapHeads = (request.crossMaps ?? []).filter((wanted) => wanted.layer === layer).map(({ head }) => head);
    this.measured = request.statistics === true && request.plain !== true;
    this.groups = request.source?.groups ?? [];
    this.mass = new Float64Array(heads * this.columns);
    this.entropy = new Float64Array(heads);
    this.largest = new Float64Array(heads);
  }

  /** Undefined in a layer without cross-attention. */
  static async of(
    model: ModelSpec,
    sessions: LayerSessions,
    block: BlockSpec,
    request: Asked,
    batch: number,
  ): Promise<CrossRun | undefined> {
    if (!block.cross) return undefined;
    const each: SourceKeys[] = [];
    for (const stream of request.variantSources ?? [sourceOf(request)])
      each.push(await sourceKeys(model, sessions, block, stream));
    return new CrossRun(block.cross.attention.heads, request, block.index, ofBatch(each, batch));
  }

  /** Positions, the first row and the last, then the groups. */
  private get columns(): number {
    return 3 + this.groups.length;
  }

  private get rows(): number {
    return this.keys.key.shape[2] ?? 0;
  }

  /** Inputs of the graph of the block. */
  feeds(): Record<string, RuntimeArray> {
    const { measured, mapHeads, rows } = this;
    return {
      cross_key: this.keys.key,
      cross_value: this.keys.value,
      ...(this.request.plain
        ? {}
        : {
            cross_selected_heads: int64(mapHeads, [mapHeads.length]),
            use_cross_statistics: flag(measured),
            source_columns: measured ? this.sourceColumns() : { data: new Float32Array(0), shape: [rows, 0] },
          }),
    };
  }

  /** Outputs of the graph that `add` needs. */
  outputs(): readonly string[] {
    return [...(this.measured ? crossStatisticOutputs : []), ...(this.mapHeads.length > 0 ? ['cross.selected'] : [])];
  }

  /** Takes what a chunk of `length` rows from `start` on gave (variant 0). */
  add(values: RuntimeValues, start: number, length: number): void {
    if (this.measured) {
      for (const [sums, name] of [
        [this.mass, 'cross.mass'],
        [this.entropy, 'cross.entropy'],
        [this.largest, 'cross.largest'],
      ] as const) {
        const given = floats(values, name);
        for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] ?? 0) + (given[at] ?? 0);
      }
    }
    const { rows } = this;
    this.mapHeads.forEach((head, slot) => {
      const map = this.maps.get(head) ?? new Float32Array(this.request.ids.length * rows);
      this.maps.set(head, map);
      const from = slot * length * rows;
      map.set(floats(values, 'cross.selected').subarray(from, from + length * rows), start * rows);
    });
  }

  /** The taps of the source, which are asked for. */
  taps(wanted: readonly LayerTap[]): Partial<Record<LayerTap, RuntimeArray>> {
    const { key, value } = this.keys;
    return Object.fromEntries(wanted.filter(isOfSource).map((tap) => [tap, tap === 'cross.key' ? key : value]));
  }

  result(): CrossResult {
    return { maps: this.maps, ...(this.measured ? { statistics: this.numbers() } : {}) };
  }

  private numbers(): CrossNumbers {
    const { heads, columns } = this;
    const count = this.request.ids.length;
    const mean = (of: Float64Array, stride = 1, column = 0): number[] =>
      Array.from({ length: heads }, (_, head) => (of[head * stride + column] ?? 0) / count);
    return {
      entropy: mean(this.entropy),
      largest: mean(this.largest),
      meanPosition: mean(this.mass, columns, 0),
      firstToken: mean(this.mass, columns, 1),
      lastToken: mean(this.mass, columns, 2),
      groups: Object.fromEntries(this.groups.map(({ name }, at) => [name, mean(this.mass, columns, 3 + at)])),
    };
  }

  private sourceColumns(): RuntimeArray {
    const { rows, columns, groups } = this;
    const data = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) data[row * columns] = row;
    data[1] = 1;
    data[(rows - 1) * columns + 2] = 1;
    groups.forEach(({ positions }, at) => {
      for (const row of positions) data[row * columns + 3 + at] = 1;
    });
    return { data, shape: [rows, columns] };
  }
}

/** Taps, maps, most-read keys and chosen blocks of one layer, joined over the chunks of a prompt. */
import type { ChosenBlocks } from '../../../../diagnostics/model-runner/run-request';
import { blockScoreOutputs } from '../../../../models/instrument/changes/block-choice';
import type { RuntimeValues, RuntimeArray } from '../../../runtime/session';
import { floats } from '../graphs/runtime-arrays';
import { topKeys } from '../../../../models/instrument/statistics';
import type { LayerTap } from '../../../../models/instrument/taps';

/** What the chunks of one layer give, joined along the positions (variant 0 for maps and top keys). */
export class LayerOutputs {
  readonly maps = new Map<number, Float32Array>();
  top: { weights: Float32Array; keys: Int32Array; heads: number; k: number } | undefined;
  private readonly pieces = new Map<LayerTap, RuntimeArray[]>();

  constructor(
    private readonly length: number,
    /** Rows, rising, whose taps are kept; absent: all. */
    private readonly tapRows?: readonly number[],
    /** First row whose most-read keys are kept. */
    private readonly topFrom = 0,
  ) {}

  /** Adds the taps of a chunk whose first row is `start`. */
  addTaps(taps: readonly LayerTap[], values: RuntimeValues, start: number): void {
    for (const tap of taps) {
      const value = values[tap];
      if (!value) throw new TypeError(`the layer gave no "${tap}"`);
      const kept = this.tapRows ? pickRows(tap, value, start, this.tapRows) : value;
      this.pieces.set(tap, [...(this.pieces.get(tap) ?? []), kept]);
    }
  }

  taps(): Partial<Record<LayerTap, RuntimeArray>> {
    const joined: Partial<Record<LayerTap, RuntimeArray>> = {};
    for (const [tap, pieces] of this.pieces) joined[tap] = joinRows(tap, pieces);
    return joined;
  }

  addMaps(heads: readonly number[], values: RuntimeValues, start: number, length: number, firstKey: number): void {
    if (heads.length === 0) return;
    const selected = values['attention.selected'];
    if (!selected || !(selected.data instanceof Float32Array)) throw new TypeError('the layer gave no maps');
    const keys = selected.shape[3] ?? 0;
    heads.forEach((head, slot) => {
      let map = this.maps.get(head);
      if (!map) this.maps.set(head, (map = new Float32Array(this.length * this.length)));
      for (let i = 0; i < length; i++) {
        const from = (slot * length + i) * keys;
        map.set((selected.data as Float32Array).subarray(from, from + keys), (start + i) * this.length + firstKey);
      }
    });
  }

  addTop(values: RuntimeValues, heads: number, start: number, length: number, firstKey: number): void {
    const weights = floats(values, 'statistics.top_weight');
    const keys = values['statistics.top_key']?.data;
    if (!(keys instanceof BigInt64Array)) throw new TypeError('the layer gave no top keys');
    // The graph ranks for the queries from `first` on alone.
    const first = Math.max(0, this.topFrom - start);
    // A chunk of fewer keys gives fewer; the rest stays at weight 0 and key -1.
    const given = values['statistics.top_key']?.shape[3] ?? 0;
    this.top ??= {
      weights: new Float32Array((this.length - this.topFrom) * heads * topKeys),
      keys: new Int32Array((this.length - this.topFrom) * heads * topKeys).fill(-1),
      heads,
      k: topKeys,
    };
    for (let head = 0; head < heads; head++) {
      for (let i = first; i < length; i++) {
        for (let slot = 0; slot < given; slot++) {
          const from = (head * (length - first) + i - first) * given + slot;
          const to = ((start + i - this.topFrom) * heads + head) * topKeys + slot;
          this.top.weights[to] = weights[from] ?? 0;
          this.top.keys[to] = Number(keys[from] ?? 0n) + firstKey;
        }
      }
    }
  }
}

/** The keys read most by no head. */
export const noTop = { weights: new Float32Array(0), keys: new Int32Array(0), heads: 0, k: topKeys };

/** The wanted rows of a chunk [.., n, x]. */
export function pickRows(
  tap: LayerTap,
  { data, shape }: RuntimeArray,
  start: number,
  wanted: readonly number[],
): RuntimeArray {
  if (!(data instanceof Float32Array)) throw new TypeError(`"${tap}" is not float32`);
  const [rows = 0, width = 0] = shape.slice(-2);
  const kept = wanted.map((row) => row - start).filter((row) => row >= 0 && row < rows);
  const lead = data.length / (rows * width);
  const out = new Float32Array(lead * kept.length * width);
  for (let l = 0; l < lead; l++) {
    kept.forEach((row, to) => {
      const from = (l * rows + row) * width;
      out.set(data.subarray(from, from + width), (l * kept.length + to) * width);
    });
  }
  return { data: out, shape: [...shape.slice(0, -2), kept.length, width] };
}

/** Joins [.., n, x] pieces along n; probabilities, whose width differs by chunk, are padded with zeros to the last width. */
export function joinRows(tap: LayerTap, pieces: readonly RuntimeArray[]): RuntimeArray {
  const [first] = pieces;
  if (!first) throw new RangeError('nothing to join');
  const rank = first.shape.length;
  const lead = first.shape.slice(0, rank - 2).reduce((product, axis) => product * axis, 1);
  const width = pieces.at(-1)?.shape.at(-1) ?? 1;
  const total = pieces.reduce((sum, piece) => sum + (piece.shape[rank - 2] ?? 0), 0);
  const data = new Float32Array(lead * total * width);
  let start = 0;
  for (const piece of pieces) {
    const rows = piece.shape[rank - 2] ?? 0;
    const from = piece.shape[rank - 1] ?? 0;
    if (!(piece.data instanceof Float32Array)) throw new TypeError(`"${tap}" is not float32`);
    for (let l = 0; l < lead; l++) {
      for (let row = 0; row < rows; row++) {
        const at = (l * rows + row) * from;
        data.set(piece.data.subarray(at, at + from), (l * total + start + row) * width);
      }
    }
    start += rows;
  }
  return { data, shape: [...first.shape.slice(0, rank - 2), total, width] };
}

/** Scores of the blocks that heads may choose, and which they open, row by row (variant 0). */
export class BlockChoices {
  private readonly found: ChosenBlocks['rows'][number][] = [];

  constructor(
    private readonly heads: number,
    /** Rows that are asked for; absent: all. */
    private readonly wanted?: readonly number[],
  ) {}

  wants(start: number, length: number): boolean {
    return this.wanted?.some((row) => row >= start && row < start + length) ?? true;
  }

  /** Adds the rows [start, start + length), if any of them chooses. */
  add(values: RuntimeValues, start: number, length: number): void {
    const [scores, chosen] = blockScoreOutputs.map((name) => floats(values, name));
    const blocks = values[blockScoreOutputs[0]]?.shape[3] ?? 0;
    if (!scores || !chosen || blocks === 0) return;
    for (let row = 0; row < length; row++) {
      if (this.wanted && !this.wanted.includes(start + row)) continue;
      const [ofRow, opened] = [new Float32Array(this.heads * blocks), new Uint8Array(this.heads * blocks)];
      for (let head = 0; head < this.heads; head++) {
        const from = (head * length + row) * blocks;
        ofRow.set(scores.subarray(from, from + blocks), head * blocks);
        for (let block = 0; block < blocks; block++) opened[head * blocks + block] = chosen[from + block] === 1 ? 1 : 0;
      }
      this.found.push({ row: start + row, scores: ofRow, opened });
    }
  }

  get rows(): ChosenBlocks['rows'] {
    return this.found;
  }
}

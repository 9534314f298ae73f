/**
 * Emphasised keys and moved attention as the inputs of a step graph, column by column of the cache. What a column gets does not
 * change while tokens are generated, and new ones all get the same: arrays are filled ahead, and a step takes the front of them.
 */
import { changesOf, type Variant } from '../../../../models/instrument/changes/changes';
import { inLayer } from '../../../../models/instrument/changes/changes';
import { byHead } from '../../../../models/instrument/changes/redistribution';
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import type { KeySources } from '../cache/key-sources';
import type { KeyValueCache } from '../cache/key-value-cache';
import { int64 } from '../graphs/runtime-arrays';

export interface StepChanges {
  readonly emphasis?: boolean;
  readonly redistribution?: boolean;
}

interface Layer {
  readonly changes: StepChanges;
  /** Of redistribution: what does not grow. */
  readonly feeds: Record<string, RuntimeArray>;
}

interface Filled {
  /** Rows in the order of the cache, as text. */
  readonly order: string;
  readonly columns: number;
  /** [columns, h] */
  readonly factor: Float32Array;
  /** [h, 5, columns] */
  readonly sets: Float32Array;
}

/** Columns that are filled beyond those of the cache. */
const ahead = 256;

export class StepMoves {
  private readonly filled = new Map<number, Filled>();
  private readonly layers = new Map<number, Layer>();

  constructor(private readonly variant: Variant) {}

  /** Which graph a step of the layer takes. */
  changes(block: BlockSpec): StepChanges {
    return this.layer(block).changes;
  }

  /** Nothing where the layer changes neither. */
  of(block: BlockSpec, cache: KeyValueCache): Record<string, RuntimeArray> {
    const { changes, feeds } = this.layer(block);
    const { emphasis, redistribution } = changes;
    if (!emphasis && !redistribution) return {};
    const { heads } = block.attention;
    const columns = 1 + cache.length(block.index);
    const { factor, sets, columns: filled } = this.filledFor(block, cache, columns);
    return {
      ...(emphasis ? { emphasis_factor: { data: factor.subarray(0, columns * heads), shape: [columns, heads] } } : {}),
      ...(redistribution
        ? { ...feeds, moved_columns: { data: sets, shape: [heads, 5, filled] }, moved_end: int64([columns], [1]) }
        : {}),
    };
  }

  /** Found once: a variant has an entry for each head, and a step asks every layer. */
  private layer({ index, attention: { heads } }: BlockSpec): Layer {
    const known = this.layers.get(index);
    if (known) return known;
    const own = inLayer(this.variant, index);
    const uses = (kind: 'emphasis' | 'redistribution'): boolean => own.some((change) => change.kind === kind);
    const share = new Float32Array(heads);
    const gate = new Float32Array(heads * 2).fill(-1);
    byHead(changesOf(own, 'redistribution'), heads).forEach((change, head) => {
      share[head] = change?.share ?? 0;
      gate[head * 2] = change?.least ?? -1;
      gate[head * 2 + 1] = change?.ratio ?? -1;
    });
    const made = {
      changes: {
        ...(uses('emphasis') ? { emphasis: true } : {}),
        ...(uses('redistribution') ? { redistribution: true } : {}),
      },
      feeds: {
        moved_share: { data: share, shape: [heads, 1, 1] },
        moved_gate: { data: gate, shape: [heads, 1, 2] },
      },
    };
    this.layers.set(index, made);
    return made;
  }

  private filledFor(block: BlockSpec, cache: KeyValueCache, columns: number): Filled {
    const layer = block.index;
    const pieces = cache.heads(layer)[0]?.pieces() ?? [];
    const last = pieces.at(-1);
    // Rows that are added lie behind the last piece.
    const order = JSON.stringify(pieces.map((piece) => (piece === last ? { ...piece, to: 0 } : piece)));
    const known = this.filled.get(layer);
    if (known?.order === order && known.columns >= columns) return known;
    const made = fill(this.variant, block, columns + ahead, cache.sources.get(layer), (column) => {
      const place = column - 1;
      const piece = pieces.find(({ from, to }) => place >= from && (place < to || to === last?.to));
      return piece ? piece.row + place - piece.from : Infinity;
    });
    const filled = { order, columns: columns + ahead, ...made };
    this.filled.set(layer, filled);
    return filled;
  }
}

/** `rowOf` gives the row of a column of the cache; the first column is the new row. */
function fill(
  variant: Variant,
  { index: layer, attention: { heads } }: BlockSpec,
  columns: number,
  sources: KeySources | undefined,
  rowOf: (column: number) => number,
): Pick<Filled, 'factor' | 'sets'> {
  const factor = new Float32Array(columns * heads);
  const sets = new Float32Array(heads * 5 * columns);
  for (let head = 0; head < heads; head++) sets.fill(1, (head * 5 + 4) * columns, (head + 1) * 5 * columns);
  const rows = Array.from({ length: columns }, (_, column) => (column === 0 ? Infinity : rowOf(column)));
  for (const change of changesOf(variant, 'emphasis', layer)) {
    const keys = new Set(change.keys);
    rows.forEach((row, column) => {
      const at = column * heads + change.head;
      if (keys.has(row)) factor[at] = (factor[at] ?? 0) + change.factor;
    });
  }
  byHead(changesOf(variant, 'redistribution', layer), heads).forEach((change, head) => {
    if (!change) return;
    const named = change.from.kind === 'rows' ? new Set(change.from.rows) : undefined;
    const found = named ? undefined : sources?.of(0, head);
    const [to, region] = [new Set(change.to.rows), new Set(change.region)];
    rows.forEach((row, column) => {
      const source = named?.has(row) ?? found?.[row] === 1;
      const receives = to.has(row) || (change.to.behind !== undefined && row >= change.to.behind);
      const at = head * 5 * columns + column;
      sets[at] = region.has(row) ? 1 : 0;
      sets[at + columns] = region.has(row) && !source ? 1 : 0;
      sets[at + 2 * columns] = source ? 1 : 0;
      sets[at + 3 * columns] = receives && !source ? 1 : 0;
    });
  });
  return { factor, sets };
}

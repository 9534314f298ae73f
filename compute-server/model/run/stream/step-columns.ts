/**
 * What changes give the step graphs that are built for them, column by column of the cache. It stays as it is while tokens are generated,
 * and new columns all get the same: arrays are filled ahead, and a step takes the front of them.
 */
import { layerSizes } from '../../../../models/architectures/layer-sizes';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import {
  inLayer,
  stepColumnFeeds,
  stepKindsIn,
  type Kind,
  type Variant,
} from '../../../../models/instrument/changes/changes';
import type { ColumnFeeds } from '../../../../models/instrument/changes/kind';
import type { RuntimeArray } from '../../../runtime/session';
import type { KeyValueCache } from '../cache/key-value-cache';

interface Filled {
  /** Rows in the order of the cache, as text. */
  readonly order: string;
  readonly columns: number;
  readonly feeds: ColumnFeeds;
}

/** Columns that are filled beyond those of the cache. */
const ahead = 256;

export class StepColumns {
  private readonly kindsOf = new Map<number, readonly Kind[]>();
  private readonly filled = new Map<number, Filled>();

  constructor(
    private readonly model: ModelSpec,
    private readonly variant: Variant,
    /** Each key/value head has a cache of its own. */
    private readonly apart: boolean,
  ) {}

  /** What the step graph of a layer is built for. Found once: a variant has an entry for each head, and a step asks every layer. */
  kinds({ index }: BlockSpec): readonly Kind[] {
    const kinds = this.kindsOf.get(index) ?? stepKindsIn(inLayer(this.variant, index));
    this.kindsOf.set(index, kinds);
    return kinds;
  }

  /** Their inputs. */
  feeds(block: BlockSpec, cache: KeyValueCache): Record<string, RuntimeArray> {
    if (this.kinds(block).length === 0) return {};
    const columns = 1 + cache.length(block.index);
    return this.filledFor(block, cache, columns).feeds(columns);
  }

  private filledFor(block: BlockSpec, cache: KeyValueCache, columns: number): Filled {
    const layer = block.index;
    // Kinds that have columns are not for a layer whose heads hold rows of their own.
    const pieces = this.apart ? [] : cache.rows(layer).pieces();
    const last = pieces.at(-1);
    // Rows that are added lie behind the last piece.
    const order = JSON.stringify(pieces.map((piece) => (piece === last ? { ...piece, to: 0 } : piece)));
    const known = this.filled.get(layer);
    if (known?.order === order && known.columns >= columns) return known;
    const rows = Array.from({ length: columns + ahead }, (_, column) => {
      const place = column - 1;
      const piece = pieces.find(({ from, to }) => place >= from && (place < to || to === last?.to));
      return piece ? piece.row + place - piece.from : Infinity;
    });
    const feeds = stepColumnFeeds(this.variant, layerSizes(this.model, block), {
      rows,
      sources: cache.sources.get(layer),
    });
    const filled = { order, columns: columns + ahead, feeds };
    this.filled.set(layer, filled);
    return filled;
  }
}

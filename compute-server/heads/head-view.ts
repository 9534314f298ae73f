/**
 * The one head on the screen: rectangles of its probabilities, computed when they are asked for. The residual stream that
 * enters the layer and the layer's keys and values are kept; a rectangle runs its rows of queries against the keys before
 * them. No matrix of all queries and keys ever exists.
 */
import type { Variant } from '../../models/instrument/changes/changes';
import { blockShapeOf, rarePartsIn } from '../../models/instrument/changes/changes';
import type { HeadTile } from '../../protocol/results/heads';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { noStatistics, ranked } from '../model/run/stream/head-statistics';
import { emptyMemory } from '../model/run/changes/chosen-blocks';
import type { BlockMemory } from '../model/run/cache/block-memory';
import { interventionFeeds } from '../model/run/changes/fed-changes';
import { KeySources } from '../model/run/cache/key-sources';
import { emptyCache } from '../model/run/cache/key-value-cache';
import { blockFeeds, groupColumns } from '../model/run/stream/layer-feeds';
import { runPrompt } from '../model/run/stream/model-run';
import { prefixOf, type ResidualStream } from '../model/run/stream/run-request';
import { floats, int64 } from '../model/run/graphs/runtime-arrays';
import type { Sequence } from '../../diagnostics/model-runner/sequence';

/** Rows computed at once. */
const band = 128;

export class HeadView {
  private constructor(
    private readonly model: LoadedModel,
    /** With the groups that the variant names. */
    private readonly sequence: Sequence,
    private readonly variant: Variant,
    private readonly layer: number,
    private readonly residual: Float32Array,
    private readonly keys: Float32Array,
    private readonly values: Float32Array,
    /** [1, h, t, d] */
    private readonly headOutput: Float32Array,
    /** The blocks of the whole prompt, and its queries [t, h, d], where the heads of the layer choose blocks. */
    private readonly chosen: { readonly memory: BlockMemory; readonly queries: Float32Array } | undefined,
    private readonly sources: KeySources | undefined,
  ) {}

  static async open(
    model: LoadedModel,
    sequence: Sequence,
    variant: Variant,
    layer: number,
    chunk: number,
    signal?: AbortSignal,
  ): Promise<HeadView> {
    const block = model.spec.blocks[layer];
    const blocks = blockShapeOf([variant], layer);
    const run = await runPrompt(
      { ...model.spec, blocks: model.spec.blocks.slice(0, layer + 1) },
      model.sessions,
      {
        ...sequence,
        variants: [variant],
        chunk,
        logits: 'none',
        keepResiduals: [layer],
        // What stands for the blocks of the whole prompt, of which each row sees its past.
        ...(blocks ? { keepCache: true } : {}),
        taps: [
          ...(blocks ? [{ layer, tap: 'attention.query' } as const] : []),
          { layer, tap: 'attention.key' },
          { layer, tap: 'attention.value' },
          { layer, tap: 'attention.head_output' },
        ],
      },
      { signal },
    );
    const [stream] = run.residuals;
    const { taps, sources } = run.layers.at(-1) ?? {};
    if (!stream || !taps) throw new RangeError(`there is no layer ${layer}`);
    const { heads, kvHeads, headDim } = block?.attention ?? { heads: 0, kvHeads: 0, headDim: 0 };
    return new HeadView(
      model,
      sequence,
      variant,
      layer,
      joined(stream),
      positionFirst(taps['attention.key']?.data, sequence.ids.length, kvHeads, headDim),
      positionFirst(taps['attention.value']?.data, sequence.ids.length, kvHeads, headDim),
      asFloats(taps['attention.head_output']?.data),
      blocks && block && run.cache
        ? {
            memory: run.cache.memory(layer, () => emptyMemory(block, blocks, 1)),
            queries: positionFirst(taps['attention.query']?.data, sequence.ids.length, heads, headDim),
          }
        : undefined,
      sources && new KeySources(1, heads, sources.rows, sources.found),
    );
  }

  /** Probabilities of rows [start, start + count) over all keys, [count, keys]; keys that cannot be read give 0. */
  async rows(head: number, start: number, count: number): Promise<Float32Array> {
    const { ids, groups = [] } = this.sequence;
    const length = ids.length;
    const block = this.model.spec.blocks[this.layer];
    if (!block) throw new RangeError(`there is no layer ${this.layer}`);
    const { heads, kvHeads, headDim, window } = block.attention;
    const blocks = blockShapeOf([this.variant], this.layer);
    const session = await this.model.sessions.session({
      kind: 'block',
      layer: this.layer,
      instrumented: true,
      rare: rarePartsIn([this.variant], this.layer),
      blocks,
    });
    // Rows that read later keys too are computed with all of their prefix as queries.
    const prefix = prefixOf(this.model.spec, this.sequence);
    const [from, rows] = start < prefix ? [0, Math.max(prefix, start + count)] : [start, count];
    const firstKey = window !== undefined ? Math.max(0, from - window + 1) : 0;
    const width = kvHeads * headDim;
    const cache = emptyCache(this.model.spec, 1);
    const held = [firstKey * width, from * width] as const;
    cache.append(this.layer, this.keys.subarray(...held), this.values.subarray(...held));
    cache.shift(this.layer, firstKey);
    const hidden = this.model.spec.hiddenSize;
    const begun = from - (from % (blocks?.width ?? 1));
    const memory = this.chosen?.memory.before(
      from,
      this.chosen.queries.subarray(begun * heads * headDim, from * heads * headDim),
    );
    const keys = from - firstKey + rows;
    const values = await session.run(
      {
        ...blockFeeds(this.model.spec, block, cache, this.residual.subarray(from * hidden, (from + rows) * hidden), {
          batch: 1,
          start: from,
          length: rows,
          sequence: this.sequence,
        }),
        ...interventionFeeds(this.model.spec, block, {
          variants: [this.variant],
          groups: groups.map(({ name }) => name),
          keyGroups: groupColumns(groups, firstKey, keys),
          start: from,
          length: rows,
          sources: this.sources,
          blocks: memory,
          sequence: this.sequence,
        }),
        ...noStatistics(keys, rows),
        ...ranked(keys),
        selected_heads: int64([head], [1]),
      },
      ['attention.selected'],
    );
    const selected = floats(values, 'attention.selected');
    const out = new Float32Array(count * length);
    for (let row = 0; row < count; row++) {
      const at = (start - from + row) * keys;
      out.set(selected.subarray(at, at + keys), row * length + firstKey);
    }
    return out;
  }

  /** Outputs of the head before the output projection, [t, d]. */
  outputs(head: number): Float32Array {
    const width = this.headOutput.length / (this.model.spec.blocks[this.layer]?.attention.heads ?? 1);
    return this.headOutput.slice(head * width, (head + 1) * width);
  }

  async tile(request: Omit<HeadTile, 'data' | 'layer'>, signal?: AbortSignal): Promise<HeadTile> {
    const length = this.sequence.ids.length;
    const rowCount = Math.min(request.rowCount, length - request.rowStart);
    const columnCount = Math.min(request.columnCount, length - request.columnStart);
    const outRows = Math.min(request.outRows, rowCount);
    const outColumns = Math.min(request.outColumns, columnCount);
    const data = new Float32Array(outRows * outColumns);
    for (let first = 0; first < rowCount; first += band) {
      signal?.throwIfAborted();
      const count = Math.min(band, rowCount - first);
      const rows = await this.rows(request.head, request.rowStart + first, count);
      for (let row = 0; row < count; row++) {
        const toRow = Math.floor(((first + row) * outRows) / rowCount);
        for (let column = 0; column < columnCount; column++) {
          const to = toRow * outColumns + Math.floor((column * outColumns) / columnCount);
          data[to] = Math.max(data[to] ?? 0, rows[row * length + request.columnStart + column] ?? 0);
        }
      }
    }
    return { ...request, layer: this.layer, rowCount, columnCount, outRows, outColumns, data };
  }
}

function joined(stream: ResidualStream): Float32Array {
  const out = new Float32Array(stream.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of stream.chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** [1, g, t, d] -> [t, g, d] */
function positionFirst(data: unknown, length: number, kvHeads: number, headDim: number): Float32Array {
  const numbers = asFloats(data);
  const out = new Float32Array(numbers.length);
  for (let g = 0; g < kvHeads; g++) {
    for (let t = 0; t < length; t++) {
      const from = (g * length + t) * headDim;
      out.set(numbers.subarray(from, from + headDim), (t * kvHeads + g) * headDim);
    }
  }
  return out;
}

function asFloats(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError('the layer gave no such tap');
  return data;
}

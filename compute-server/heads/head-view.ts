/**
 * The one head on the screen: rectangles of its probabilities, computed when they are asked for. The residual stream that
 * enters the layer and the layer's keys and values are kept; a rectangle runs its rows of queries against the keys before
 * them. No matrix of all queries and keys ever exists.
 */
import type { Variant } from '../../models/instrument/changes/changes';
import { blockShapeOf, rarePartsIn } from '../../models/instrument/changes/changes';
import { rowWidth } from '../../models/architectures/carried-rows';
import type { HeadTile } from '../../protocol/results/heads';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { EffectiveRows } from './effective-rows';
import { noStatistics, ranked } from '../model/run/stream/head-statistics';
import { emptyMemory } from '../model/run/changes/chosen-blocks';
import type { BlockMemory } from '../model/run/cache/block-memory';
import { interventionFeeds } from '../model/run/changes/fed-changes';
import { KeySources } from '../model/run/cache/key-sources';
import { emptyCache } from '../model/run/cache/key-value-cache';
import { CrossRun } from '../model/run/cross/cross-run';
import { blockFeeds, groupColumns } from '../model/run/stream/layer-feeds';
import { runPrompt } from '../model/run/stream/model-run';
import { prefixOf, type ResidualStream } from '../model/run/stream/run-request';
import { shortcutFeed } from '../model/run/graphs/run-stream';
import { floats, int64 } from '../model/run/graphs/runtime-arrays';
import { headsOf, attentionIn } from '../../models/architectures/block-heads';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { pooledTile } from './tile';

export class HeadView {
  /** In a layer without attention. */
  private readonly effective: EffectiveRows | undefined;

  private constructor(
    private readonly model: LoadedModel,
    /** With the groups that the variant names. */
    private readonly sequence: Sequence,
    private readonly variant: Variant,
    private readonly layer: number,
    private readonly residual: Float32Array,
    /** The shortcut that the layer joins, in the form of `residual`. */
    private readonly shortcut: Float32Array | undefined,
    private readonly keys: Float32Array,
    private readonly values: Float32Array,
    /** [1, h, t, d] */
    private readonly headOutput: Float32Array,
    /** The blocks of the whole prompt, and its queries [t, h, d], where the heads of the layer choose blocks. */
    private readonly chosen: { readonly memory: BlockMemory; readonly queries: Float32Array } | undefined,
    private readonly sources: KeySources | undefined,
    chunk: number,
  ) {
    const block = model.spec.blocks[layer];
    if (block && !block.attention) this.effective = new EffectiveRows(model, sequence, variant, block, residual, chunk);
  }

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
    const { heads, kvHeads, headDim } = block ? headsOf(block) : { heads: 0, kvHeads: 0, headDim: 0 };
    return new HeadView(
      model,
      sequence,
      variant,
      layer,
      joined(stream.chunks),
      stream.shortcut && joined(stream.shortcut),
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
      chunk,
    );
  }

  /**
   * Probabilities of rows [start, start + count) over all keys, [count, keys]; keys that cannot be read give 0. In a layer without attention
   * the effective attention, which is signed.
   */
  async rows(head: number, start: number, count: number): Promise<Float32Array> {
    if (this.effective) return this.effective.rows(head, start, count);
    const { ids, groups = [] } = this.sequence;
    const length = ids.length;
    const block = this.model.spec.blocks[this.layer];
    if (!block) throw new RangeError(`there is no layer ${this.layer}`);
    const { heads, kvHeads, headDim, window } = attentionIn(block);
    const blocks = blockShapeOf([this.variant], this.layer);
    const cross = await CrossRun.of(this.model.spec, this.model.sessions, block, this.sequence, 1);
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
    const hidden = rowWidth(this.model.spec);
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
        ...shortcutFeed(
          block,
          this.shortcut && {
            data: this.shortcut.subarray(from * hidden, (from + rows) * hidden),
            shape: [1, rows, hidden],
          },
        ),
        ...cross?.feeds(),
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
    const block = this.model.spec.blocks[this.layer];
    const width = this.headOutput.length / (block ? headsOf(block).heads : 1);
    return this.headOutput.slice(head * width, (head + 1) * width);
  }

  async tile(request: Omit<HeadTile, 'data' | 'layer'>, signal?: AbortSignal): Promise<HeadTile> {
    const { length } = this.sequence.ids;
    const read = (start: number, count: number): Promise<Float32Array> => this.rows(request.head, start, count);
    const tile = await pooledTile(request, { rows: length, columns: length, layer: this.layer, read }, signal);
    return this.effective ? { ...tile, effective: true } : tile;
  }
}

function joined(chunks: ResidualStream['chunks']): Float32Array {
  const out = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
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

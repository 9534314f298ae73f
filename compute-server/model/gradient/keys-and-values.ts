/**
 * Keys and values of a layer whose queries go back in chunks: those that a chunk reads from earlier ones, and the gradients that
 * later chunks pass to them. With one chunk there is nothing to hold.
 */
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import type { RuntimeArray, RuntimeValues } from '../../runtime/session';
import { emptyCache, type KeyValueCache } from '../run/cache/key-value-cache';
import { blockFeeds } from '../run/stream/layer-feeds';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import type { Chunk, ResidualStream } from '../run/stream/run-request';
import { floats } from '../run/graphs/runtime-arrays';
import type { LayerChanges } from './layer-changes';

/** [n, 1, g, d], position by position. */
interface Pair {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

export class KeysAndValues {
  private readonly gradients: Pair;
  private readonly width: number;

  constructor(
    private readonly model: ModelSpec,
    private readonly block: BlockSpec,
    private readonly chunks: readonly Chunk[],
    private readonly held: Pair,
  ) {
    this.width = block.attention.kvHeads * block.attention.headDim;
    const rows = chunks.reduce((sum, { length }) => sum + length, 0);
    this.gradients = { key: new Float32Array(rows * this.width), value: new Float32Array(rows * this.width) };
  }

  /** What a chunk reads besides its own keys: all before it, or what its window reaches. */
  past(index: number): KeyValueCache {
    const { start } = this.chunkAt(index);
    const cache = emptyCache(this.model, 1, start);
    const first = this.first(index);
    if (start > first) {
      cache.append(this.block.index, this.rows(this.held.key, first, start), this.rows(this.held.value, first, start));
      cache.shift(this.block.index, first);
    }
    return cache;
  }

  /** Gradients of the chunk's own keys and values, from the chunks behind it. */
  seeds(index: number): Record<string, RuntimeArray> {
    const { start, length } = this.chunkAt(index);
    const { kvHeads, headDim } = this.block.attention;
    const shape = [length, 1, kvHeads, headDim];
    return {
      'gradient.new_key': { data: this.rows(this.gradients.key, start, start + length), shape },
      'gradient.new_value': { data: this.rows(this.gradients.value, start, start + length), shape },
    };
  }

  /** Adds what a chunk passes to the keys and values before it. */
  add(index: number, values: RuntimeValues): void {
    const from = this.first(index) * this.width;
    for (const side of ['key', 'value'] as const) {
      const sums = this.gradients[side];
      floats(values, `gradient.past_${side}`).forEach((each, at) => (sums[from + at] = (sums[from + at] ?? 0) + each));
    }
  }

  /** The first key that a chunk reads. */
  first(index: number): number {
    const { window } = this.block.attention;
    const { start } = this.chunkAt(index);
    return window === undefined ? 0 : Math.max(0, start - window + 1);
  }

  private rows(data: Float32Array, first: number, end: number): Float32Array {
    return data.subarray(first * this.width, end * this.width);
  }

  private chunkAt(index: number): Chunk {
    const chunk = this.chunks[index];
    if (!chunk) throw new RangeError(`no chunk ${index} of ${this.chunks.length}`);
    return chunk;
  }
}

interface Rebuilt {
  readonly request: Pick<Sequence, 'ids' | 'positions' | 'prefix'>;
  readonly changes: LayerChanges;
  readonly chunks: readonly Chunk[];
  /** What enters the layer. */
  readonly input: ResidualStream;
  readonly signal: AbortSignal | undefined;
}

/** Computes keys and values of a layer again where there are several chunks. */
export async function keysAndValues(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  { request: sequence, changes, chunks, input, signal }: Rebuilt,
): Promise<KeysAndValues> {
  const none = { key: new Float32Array(0), value: new Float32Array(0) };
  if (chunks.length === 1) return new KeysAndValues(model, block, chunks, none);
  const session = await sessions.session({ kind: 'keys', layer: block.index, changes: changes.ofKeys });
  const width = block.attention.kvHeads * block.attention.headDim;
  const size = sequence.ids.length * width;
  const held = { key: new Float32Array(size), value: new Float32Array(size) };
  // Keys and values depend on no earlier key: each chunk is run as if it were alone.
  for (const [index, { start, length }] of chunks.entries()) {
    signal?.throwIfAborted();
    const cache = emptyCache(model, 1);
    cache.shift(block.index, start);
    const feeds = blockFeeds(model, block, cache, input.chunks[index] ?? new Float32Array(0), {
      batch: 1,
      start,
      length,
      sequence,
    });
    const values = await session.run({
      ...feeds,
      ...changes.feeds({ start, length, firstKey: start }, changes.ofKeys),
    });
    held.key.set(floats(values, 'new_key'), start * width);
    held.value.set(floats(values, 'new_value'), start * width);
  }
  return new KeysAndValues(model, block, chunks, held);
}

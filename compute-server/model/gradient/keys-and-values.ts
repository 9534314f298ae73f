/**
 * Keys, values and states of a layer whose queries go back in chunks: those that a chunk reads from earlier ones, and the gradients that
 * later chunks pass to them. With one chunk there is nothing to hold.
 */
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { headsOf } from '../../../models/architectures/block-heads';
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import { newState, pastState } from '../../../models/architectures/states/names';
import type { RuntimeArray, RuntimeValues } from '../../runtime/session';
import { emptyCache, type KeyValueCache, type LayerStates } from '../run/cache/key-value-cache';
import { sourceFeed } from '../run/cross/source-keys';
import { blockFeeds, stateFeeds, statesIn } from '../run/stream/layer-feeds';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { heldShortcut } from '../run/graphs/run-stream';
import type { Chunk, ResidualStream } from '../run/stream/run-request';
import { arrayOf, floats } from '../run/graphs/runtime-arrays';
import type { LayerChanges } from './layer-changes';

/** [n, 1, g, d], position by position. */
interface Pair {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

export class KeysAndValues {
  private readonly gradients: Pair;
  private readonly width: number;
  /** Gradients of the states behind the chunk that goes back next, by input name of its graph. */
  private ofStates: Record<string, RuntimeArray>;

  constructor(
    private readonly model: ModelSpec,
    private readonly block: BlockSpec,
    private readonly chunks: readonly Chunk[],
    private readonly held: Pair,
    /** In front of each chunk; absent: zeros. */
    private readonly states: readonly LayerStates[] = [],
  ) {
    this.ofStates = Object.fromEntries(
      Object.entries(stateFeeds(block)).map(([name, zeros]) => [ofLeft(name), zeros] as const),
    );
    this.width = keyWidth(block);
    const rows = chunks.reduce((sum, { length }) => sum + length, 0);
    this.gradients = { key: new Float32Array(rows * this.width), value: new Float32Array(rows * this.width) };
  }

  /** What a chunk reads besides its own keys: all before it, or what its window reaches. */
  past(index: number): KeyValueCache {
    const { start } = this.chunkAt(index);
    const cache = emptyCache(this.model, 1, start);
    const first = this.first(index);
    if (start > first && this.block.attention) {
      cache.append(this.block.index, this.rows(this.held.key, first, start), this.rows(this.held.value, first, start));
      cache.shift(this.block.index, first);
    }
    const states = this.states[index];
    if (states) cache.states.set(this.block.index, states);
    return cache;
  }

  /** Gradients of the chunk's own keys and values, and of the states that it leaves, from the chunks behind it. */
  seeds(index: number): Record<string, RuntimeArray> {
    const { start, length } = this.chunkAt(index);
    if (!this.block.attention) return this.ofStates;
    const { kvHeads, headDim } = headsOf(this.block);
    const shape = [length, 1, kvHeads, headDim];
    return {
      ...this.ofStates,
      'gradient.new_key': { data: this.rows(this.gradients.key, start, start + length), shape },
      'gradient.new_value': { data: this.rows(this.gradients.value, start, start + length), shape },
    };
  }

  /** Adds what a chunk passes to the keys and values before it, and keeps what it passes to the states. */
  add(index: number, values: RuntimeValues): void {
    this.ofStates = Object.fromEntries(
      Object.keys(stateFeeds(this.block)).map((name) => [ofLeft(name), arrayOf(values, `gradient.${name}`)] as const),
    );
    if (!this.block.attention) return;
    const from = this.first(index) * this.width;
    for (const side of ['key', 'value'] as const) {
      const sums = this.gradients[side];
      floats(values, `gradient.past_${side}`).forEach((each, at) => (sums[from + at] = (sums[from + at] ?? 0) + each));
    }
  }

  /** The first key that a chunk reads. */
  first(index: number): number {
    const window = this.block.attention?.window;
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

/** The gradient of a state that a chunk leaves, by the name of the input through which the next chunk reads it. */
const ofLeft = (past: string): string => `gradient.${newState(past.slice(pastState('').length))}`;

/** Numbers of the keys of a position. */
function keyWidth(block: BlockSpec): number {
  const { kvHeads, headDim } = headsOf(block);
  return kvHeads * headDim;
}

interface Rebuilt {
  readonly request: Pick<Sequence, 'ids' | 'source' | 'positions' | 'prefix'>;
  readonly changes: LayerChanges;
  readonly chunks: readonly Chunk[];
  /** What enters the layer. */
  readonly input: ResidualStream;
  readonly signal: AbortSignal | undefined;
}

/** Computes keys, values and states of a layer again where there are several chunks. */
export async function keysAndValues(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  { request: sequence, changes, chunks, input, signal }: Rebuilt,
): Promise<KeysAndValues> {
  const none = { key: new Float32Array(0), value: new Float32Array(0) };
  if (chunks.length === 1) return new KeysAndValues(model, block, chunks, none);
  // A network that reads the previous position depends on everything that the layer does.
  const parts = block.state ? changes.parts : changes.ofKeys;
  const session = await sessions.session({ kind: 'keys', layer: block.index, changes: parts });
  const width = keyWidth(block);
  const size = sequence.ids.length * width;
  const held = { key: new Float32Array(size), value: new Float32Array(size) };
  const states: LayerStates[] = [];
  let behind: LayerStates = {};
  // Keys and values depend on no earlier key: each chunk is run as if it were alone, but for its states.
  for (const [index, { start, length }] of chunks.entries()) {
    signal?.throwIfAborted();
    const cache = emptyCache(model, 1);
    cache.shift(block.index, start);
    cache.states.set(block.index, behind);
    states.push(behind);
    const feeds = blockFeeds(model, block, cache, input.chunks[index] ?? new Float32Array(0), {
      batch: 1,
      start,
      length,
      sequence,
    });
    const values = await session.run({
      ...feeds,
      ...heldShortcut(block, input, index),
      ...sourceFeed(model, block, sequence),
      ...changes.feeds({ start, length, firstKey: start }, parts),
    });
    behind = statesIn(block, values);
    if (!block.attention) continue;
    held.key.set(floats(values, 'new_key'), start * width);
    held.value.set(floats(values, 'new_value'), start * width);
  }
  return new KeysAndValues(model, block, chunks, held, states);
}

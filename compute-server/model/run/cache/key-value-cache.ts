/**
 * Keys and values of the positions already run, and states of recurrences behind the last of them, layer by layer. A layer is held in one of two forms, and turned into the other
 * when that is asked for, which copies it once: position first ([position, b, g, d]) for the graphs of a block, where a prefix
 * is one piece of memory and goes into a run without a copy; or head by head, for the graphs of a step. Under a plan (`keep`) a
 * layer is always held head by head, each head with the positions that it keeps. Where the value of a position is its key (latent
 * attention), both are one buffer, until a value comes that differs.
 */
import type { Variant } from '../../../../models/instrument/changes/changes';
import { headsOf } from '../../../../models/architectures/block-heads';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import type { BlockMemory } from './block-memory';
import { HeadCache, sameNumbers } from './head-cache';
import type { KeySources } from './key-sources';
import type { PlanChange } from '../../../../models/instrument/changes/plan';
import { droppedBy, heldByHeads, layerPlanOf, roomFor } from './layer-plan';

/** States of the recurrence of a layer behind its last row, by name, [b, ...]. */
export type LayerStates = Readonly<Record<string, RuntimeArray>>;

interface LayerCache {
  /** Position first; empty while the layer is held head by head. */
  key: Float32Array;
  value: Float32Array;
  /** Of a batch of one: by key/value head, or one that holds the rows of all. */
  heads?: readonly HeadCache[] | undefined;
  /** What the heads keep; absent: everything. */
  plan?: PlanChange;
  /** Positions that a query may read, those that heads have dropped included. */
  length: number;
  /** Token position of the first one held (a window layer drops what no later query reads). */
  first: number;
}

export interface CacheBytes {
  /** Bytes of the keys, values and states that are held, a mean of dropped ones counted as one row. */
  readonly used: number;
  /** Bytes of the buffers. */
  readonly allocated: number;
  /** Bytes of all positions that a query may read without a plan. */
  readonly full: number;
}

export class KeyValueCache {
  private readonly layers: LayerCache[];
  /** By layer, where heads choose blocks. */
  private readonly memories = new Map<number, BlockMemory>();
  /** By layer, where it has a recurrence: of one size, whatever the length. */
  readonly states = new Map<number, LayerStates>();
  /** By layer, where attention is taken from keys that the prompt decided. */
  readonly sources = new Map<number, KeySources>();

  constructor(
    /** Numbers of one position: b * g * d, by layer. */
    private readonly widths: readonly number[],
    private readonly shapes: readonly (readonly [batch: number, kvHeads: number, headDim: number])[],
    /** Positions to make room for at once, where they are known. */
    private readonly expected = 0,
    /** Layers whose values are their keys. */
    private readonly single: readonly boolean[] = [],
  ) {
    this.layers = widths.map((_, layer) => ({ ...noRows(single[layer]), length: 0, first: 0 }));
  }

  length(layer: number): number {
    return this.at(layer).length;
  }

  /** Token positions of the keys held. */
  first(layer: number): number {
    return this.at(layer).first;
  }

  past(layer: number): { readonly key: RuntimeArray; readonly value: RuntimeArray } {
    const { key, value, length } = this.inRows(layer);
    const width = this.widths[layer] ?? 0;
    const shape = [length, ...(this.shapes[layer] ?? [])];
    return {
      key: { data: key.subarray(0, length * width), shape },
      value: { data: value.subarray(0, length * width), shape },
    };
  }

  /** The layer head by head, of a batch of one. */
  heads(layer: number): readonly HeadCache[] {
    const { heads, plan } = this.at(layer);
    const [, kvHeads = 0] = this.shapes[layer] ?? [];
    if (heads && (plan !== undefined || heads.length === kvHeads)) return heads;
    this.inRows(layer);
    return this.byHead(layer);
  }

  /** The rows of all heads of a layer as one cache, of a batch of one. Not under a plan, where each head holds rows of its own. */
  rows(layer: number): HeadCache {
    const { heads, plan } = this.at(layer);
    const [held] = heads ?? [];
    if (held && heads?.length === 1 && plan === undefined) return held;
    const cache = this.inRows(layer);
    this.requireOne(layer);
    const { key, value, first, length } = cache;
    const rows = HeadCache.over(this.widths[layer] ?? 0, first, length, key, value);
    Object.assign(cache, { heads: [rows] }, noRows());
    return rows;
  }

  private requireOne(layer: number): void {
    const [batch = 1] = this.shapes[layer] ?? [];
    if (batch !== 1) throw new RangeError(`a cache of ${batch} variants is not held head by head`);
  }

  /**
   * From now on each head of a layer, of a batch of one, holds what its plan keeps, and what it drops is gone. A layer without a
   * plan, or with one that caches cannot follow, stays as it is.
   */
  keep(block: BlockSpec, variant: Variant | undefined): void {
    const own = layerPlanOf(variant, block);
    if (!own || !heldByHeads(own, block)) return;
    this.inRows(block.index).plan = own;
    this.byHead(block.index);
  }

  private byHead(layer: number): readonly HeadCache[] {
    const cache = this.at(layer);
    const { plan, first, length } = cache;
    this.requireOne(layer);
    const [, kvHeads = 0, headDim = 0] = this.shapes[layer] ?? [];
    const { key, value } = cache;
    cache.heads = Array.from({ length: kvHeads }, (_, g) => {
      const gaps = plan ? droppedBy(plan, g, first + length) : [];
      const rows = gaps.reduce(
        (sum, gap) => sum + Math.max(0, Math.min(gap.end, first + length) - Math.max(gap.start, first)),
        0,
      );
      const head = new HeadCache(headDim, {
        first,
        mean: plan?.heads[g]?.mean ?? false,
        single: key === value,
        room: roomFor(length - rows, plan?.heads[g]),
      });
      let gap = 0;
      for (let row = first; row < first + length; row++) {
        const from = ((row - first) * kvHeads + g) * headDim;
        const [k, v] = [key.subarray(from, from + headDim), value.subarray(from, from + headDim)];
        while (row >= (gaps[gap]?.end ?? Infinity)) gap++;
        if (row >= (gaps[gap]?.start ?? Infinity)) head.pass(k, v);
        else head.append(k, v);
      }
      return head;
    });
    Object.assign(cache, noRows());
    return cache.heads;
  }

  /** What a layer keeps whose heads choose blocks, made where it has none. */
  memory(layer: number, make: () => BlockMemory): BlockMemory {
    const known = this.memories.get(layer) ?? make();
    this.memories.set(layer, known);
    return known;
  }

  /** Adds keys and values [positions, b, g, d]. */
  append(layer: number, key: Float32Array, value: Float32Array): void {
    const cache = this.at(layer);
    const width = this.widths[layer] ?? 0;
    const added = key.length / width;
    if (cache.heads) {
      addRows(cache.heads, width / cache.heads.length, key, value);
      cache.length += added;
      const { plan } = cache;
      if (plan) cache.heads.forEach((head, g) => head.drop(droppedBy(plan, g, head.next, head.next - added)));
      return;
    }
    if (cache.value === cache.key && !sameNumbers(key, value)) cache.value = cache.key.slice();
    const one = cache.value === cache.key;
    const need = (cache.length + added) * width;
    if (need > cache.key.length) {
      // Growth by half: decoding appends one position at a time.
      const capacity = Math.max(need, this.expected * width, Math.ceil(cache.key.length * 1.5));
      cache.key = grown(cache.key, cache.length * width, capacity);
      cache.value = one ? cache.key : grown(cache.value, cache.length * width, capacity);
    }
    cache.key.set(key, cache.length * width);
    if (!one) cache.value.set(value, cache.length * width);
    cache.length += added;
  }

  /** Counts rows of a layer without keys. */
  pass(layer: number, added: number): void {
    this.at(layer).length += added;
  }

  /** Forgets all but the last `keep` positions of a window layer. */
  trim(layer: number, keep: number): void {
    const cache = this.at(layer);
    const drop = cache.length - keep;
    if (drop <= 0) return;
    if (cache.heads) for (const head of cache.heads) head.trim(cache.first + drop);
    const width = this.widths[layer] ?? 0;
    for (const data of new Set([cache.key, cache.value])) data.copyWithin(0, drop * width, cache.length * width);
    cache.length = keep;
    cache.first += drop;
  }

  /** Says that the first position held is token position `first`. */
  shift(layer: number, first: number): void {
    this.at(layer).first = first;
  }

  /**
   * A copy of one layer, of a batch of one, for `batch` variants side by side that continue from here; the other layers are empty.
   * `room` positions more are made space for.
   */
  branch(layer: number, batch: number, room: number): KeyValueCache {
    const { key, value, length, first } = this.inRows(layer);
    const width = this.widths[layer] ?? 0;
    const branched = new KeyValueCache(
      this.widths.map((each) => each * batch),
      this.shapes.map(([own, kvHeads, headDim]) => {
        if (own !== 1) throw new RangeError(`a cache of ${own} variants cannot branch into ${batch}`);
        return [batch, kvHeads, headDim];
      }),
    );
    const repeated = (data: Float32Array): Float32Array => {
      const out = new Float32Array((length + room) * width * batch);
      for (let position = 0; position < length; position++) {
        const row = data.subarray(position * width, (position + 1) * width);
        for (let b = 0; b < batch; b++) out.set(row, (position * batch + b) * width);
      }
      return out;
    };
    const keys = repeated(key);
    branched.layers[layer] = { key: keys, value: value === key ? keys : repeated(value), length, first };
    const states = this.states.get(layer);
    if (states)
      branched.states.set(
        layer,
        mapped(states, (state) => repeatedState(state, batch)),
      );
    const memory = this.memories.get(layer);
    if (memory) branched.memories.set(layer, memory.branch(batch));
    const sources = this.sources.get(layer);
    if (sources) branched.sources.set(layer, sources.branch(batch));
    return branched;
  }

  /** Bytes of one layer, or of all layers. */
  bytes(layer?: number): CacheBytes {
    if (layer === undefined) return sumOf(this.layers.map((_, each) => this.bytes(each)));
    const states = Object.values(this.states.get(layer) ?? {}).reduce((sum, { data }) => sum + data.byteLength, 0);
    const { used, allocated, full } = this.bytesOfKeys(layer);
    return { used: used + states, allocated: allocated + states, full: full + states };
  }

  private bytesOfKeys(layer: number): CacheBytes {
    const { key, value, heads, length } = this.at(layer);
    const numbers = length * (this.widths[layer] ?? 0);
    const full = (this.single[layer] ? 4 : 8) * numbers;
    if (heads) return { ...sumOf(heads.map(({ bytes }) => ({ ...bytes, full: 0 }))), full };
    if (key === value) return { used: 4 * numbers, allocated: key.byteLength, full };
    return { used: 8 * numbers, allocated: key.byteLength + value.byteLength, full };
  }

  /** The layer position first. */
  private inRows(layer: number): LayerCache {
    const cache = this.at(layer);
    const { heads, plan, first } = cache;
    if (plan) throw new RangeError(`layer ${layer} no longer holds all positions`);
    if (!heads) return cache;
    const width = this.widths[layer] ?? 0;
    const each = width / heads.length;
    cache.key = new Float32Array(Math.ceil(cache.length * 1.5) * width);
    const one = heads.every(({ single }) => single);
    cache.value = one ? cache.key : new Float32Array(cache.key.length);
    for (const [g, head] of heads.entries()) {
      for (let at = 0; at < cache.length; at++) {
        const row = head.rowOf(first + at);
        cache.key.set(row.key, at * width + g * each);
        if (!one) cache.value.set(row.value, at * width + g * each);
      }
    }
    cache.heads = undefined;
    return cache;
  }

  private at(layer: number): LayerCache {
    const cache = this.layers[layer];
    if (!cache) throw new RangeError(`the cache has ${this.layers.length} layers, not ${layer + 1}`);
    return cache;
  }
}

export function emptyCache(model: ModelSpec, batch: number, expected = 0): KeyValueCache {
  return new KeyValueCache(
    model.blocks.map(headsOf).map(({ kvHeads, headDim }) => batch * kvHeads * headDim),
    model.blocks.map(headsOf).map(({ kvHeads, headDim }) => [batch, kvHeads, headDim] as const),
    expected,
    model.blocks.map(({ attention }) => attention?.projection.kind === 'latent'),
  );
}

const mapped = (states: LayerStates, of: (state: RuntimeArray) => RuntimeArray): LayerStates =>
  Object.fromEntries(Object.entries(states).map(([name, state]) => [name, of(state)]));

/** A state of one text, for `batch` of them. */
function repeatedState({ data, shape }: RuntimeArray, batch: number): RuntimeArray {
  if (!(data instanceof Float32Array) || shape[0] !== 1)
    throw new RangeError(`a state of ${shape[0]} variants cannot branch into ${batch}`);
  const all = new Float32Array(batch * data.length);
  for (let b = 0; b < batch; b++) all.set(data, b * data.length);
  return { data: all, shape: [batch, ...shape.slice(1)] };
}

/** No keys and values; in one buffer or in two. */
function noRows(single = false): Pick<LayerCache, 'key' | 'value'> {
  const key = new Float32Array(0);
  return { key, value: single ? key : new Float32Array(0) };
}

const sumOf = (all: readonly CacheBytes[]): CacheBytes => ({
  used: all.reduce((sum, { used }) => sum + used, 0),
  allocated: all.reduce((sum, { allocated }) => sum + allocated, 0),
  full: all.reduce((sum, { full }) => sum + full, 0),
});

/** Keys and values [positions, g, d] to the heads that they are of. */
function addRows(heads: readonly HeadCache[], width: number, key: Float32Array, value: Float32Array): void {
  for (let from = 0; from < key.length;) {
    for (const head of heads) {
      head.append(key.subarray(from, from + width), value.subarray(from, from + width));
      from += width;
    }
  }
}

function grown(old: Float32Array, used: number, capacity: number): Float32Array {
  const next = new Float32Array(capacity);
  next.set(old.subarray(0, used));
  return next;
}

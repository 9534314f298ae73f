/**
 * Keys and values of the positions already run, layer by layer. Position first ([position, b, g, d]): a prefix is one piece
 * of memory and goes into a run without a copy.
 */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../runtime/session';

interface LayerCache {
  key: Float32Array;
  value: Float32Array;
  /** Positions held. */
  length: number;
  /** Token position of the first one held (a window layer drops what no later query reads). */
  first: number;
}

export class KeyValueCache {
  private readonly layers: LayerCache[];

  constructor(
    /** Numbers of one position: b * g * d, by layer. */
    private readonly widths: readonly number[],
    private readonly shapes: readonly (readonly [batch: number, kvHeads: number, headDim: number])[],
    /** Positions to make room for at once, where they are known. */
    private readonly expected = 0,
  ) {
    this.layers = widths.map(() => ({ key: new Float32Array(0), value: new Float32Array(0), length: 0, first: 0 }));
  }

  length(layer: number): number {
    return this.at(layer).length;
  }

  /** Token positions of the keys held. */
  first(layer: number): number {
    return this.at(layer).first;
  }

  past(layer: number): { readonly key: RuntimeArray; readonly value: RuntimeArray } {
    const { key, value, length } = this.at(layer);
    const width = this.widths[layer] ?? 0;
    const shape = [length, ...(this.shapes[layer] ?? [])];
    return {
      key: { data: key.subarray(0, length * width), shape },
      value: { data: value.subarray(0, length * width), shape },
    };
  }

  append(layer: number, key: Float32Array, value: Float32Array): void {
    const cache = this.at(layer);
    const width = this.widths[layer] ?? 0;
    const added = key.length / width;
    const need = (cache.length + added) * width;
    if (need > cache.key.length) {
      // Growth by half: decoding appends one position at a time.
      const capacity = Math.max(need, this.expected * width, Math.ceil(cache.key.length * 1.5));
      cache.key = grown(cache.key, cache.length * width, capacity);
      cache.value = grown(cache.value, cache.length * width, capacity);
    }
    cache.key.set(key, cache.length * width);
    cache.value.set(value, cache.length * width);
    cache.length += added;
  }

  /** Forgets all but the last `keep` positions of a window layer. */
  trim(layer: number, keep: number): void {
    const cache = this.at(layer);
    const drop = cache.length - keep;
    if (drop <= 0) return;
    const width = this.widths[layer] ?? 0;
    cache.key.copyWithin(0, drop * width, cache.length * width);
    cache.value.copyWithin(0, drop * width, cache.length * width);
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
    const { key, value, length, first } = this.at(layer);
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
    branched.layers[layer] = { key: repeated(key), value: repeated(value), length, first };
    return branched;
  }

  bytes(): number {
    return this.layers.reduce((sum, layer) => sum + layer.key.byteLength + layer.value.byteLength, 0);
  }

  private at(layer: number): LayerCache {
    const cache = this.layers[layer];
    if (!cache) throw new RangeError(`the cache has ${this.layers.length} layers, not ${layer + 1}`);
    return cache;
  }
}

export function emptyCache(model: ModelSpec, batch: number, expected = 0): KeyValueCache {
  return new KeyValueCache(
    model.blocks.map(({ attention }) => batch * attention.kvHeads * attention.headDim),
    model.blocks.map(({ attention }) => [batch, attention.kvHeads, attention.headDim] as const),
    expected,
  );
}

function grown(old: Float32Array, used: number, capacity: number): Float32Array {
  const next = new Float32Array(capacity);
  next.set(old.subarray(0, used));
  return next;
}

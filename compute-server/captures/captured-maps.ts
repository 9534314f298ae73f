/**
 * The attention maps of captured tensors. A map that was captured is taken as it is; from queries and keys it is
 *
 *   p(i, j) = softmax over the keys j that i may read of (scale * q_i . k_j)
 *
 * with products, scale and softmax in float64. Queries and keys are those that attention multiplied, rotation included. Query head h of
 * H reads key head floor(h / (H / G)) of G.
 *
 * Checked of each map: every number is finite and not negative; a row sums to 1 within 1e-5 plus four times the unit roundoff of its
 * type (float32 2^-24, float16 2^-11, bfloat16 2^-8); what a row gives to masked tokens, to later ones of a causal model and to those
 * behind its window is not more than that. Masked rows and columns are then left out.
 */
import {
  layerMark,
  type CaptureAxis,
  type CapturedTensor,
  type CaptureFile,
} from '../../protocol/captures/capture-file';
import { keysRead } from '../../diagnostics/model-runner/keys-read';
import { listed } from '../../protocol/wire/listed';
import type { FileTensor, TensorFile } from '../tensor-file';

interface CapturedLayer {
  /** 0 of a layer that was not captured. */
  readonly heads: number;
  readonly kvHeads: number;
  /** 0 where neither queries nor keys were captured. */
  readonly headDim: number;
}

export interface ReadingMaps {
  /** `why`: a sentence with a next step. */
  readonly refuse: (why: string) => Error;
  /** Fails where there is no room for so many bytes of maps. */
  readonly requireRoom: (bytes: number) => void;
}

const unitRoundoff: Readonly<Record<string, number>> = { F64: 2 ** -53, F32: 2 ** -24, F16: 2 ** -11, BF16: 2 ** -8 };
const allowed = (dtype: string): number => 1e-5 + 4 * (unitRoundoff[dtype] ?? 2 ** -24);

export interface CapturedMaps {
  readonly layers: readonly CapturedLayer[];
  /** Positions that are kept, as the description counts them. */
  readonly rows: readonly number[];
  /** By layer and head, [n, n] over the kept positions. */
  readonly maps: readonly (readonly Float32Array[])[];
  /** Numbers of a hidden state, where some were captured. */
  readonly hiddenWidth: number | undefined;
}

export const readMaps = (file: CaptureFile, tensors: TensorFile, reading: ReadingMaps): CapturedMaps =>
  new Reader(file, tensors, reading).read();

/** A tensor of one layer and one element of the batch: what is left of its axes, and where they begin. */
interface Part {
  readonly name: string;
  readonly dtype: string;
  readonly data: Float32Array;
  readonly from: number;
  readonly sizes: Readonly<Partial<Record<CaptureAxis, number>>>;
  readonly strides: Readonly<Partial<Record<CaptureAxis, number>>>;
}

class Reader {
  private readonly refuse: ReadingMaps['refuse'];
  /** Kept positions. */
  private readonly rows: readonly number[];
  private readonly masked: ReadonlySet<number>;
  private readonly stored = new Map<string, FileTensor | undefined>();

  constructor(
    private readonly file: CaptureFile,
    private readonly tensors: TensorFile,
    private readonly reading: ReadingMaps,
  ) {
    this.refuse = reading.refuse;
    this.masked = new Set(file.masked);
    this.rows = [...file.tokens.keys()].filter((position) => !this.masked.has(position));
  }

  read(): CapturedMaps {
    const [attention, query, key, value, hidden] = (['attention', 'query', 'key', 'value', 'hidden'] as const).map(
      (held) => this.partsOf(held),
    ) as [Parts, Parts, Parts, Parts, Parts];
    for (const parts of [query, key, value, hidden]) for (const part of parts.values()) this.requireFinite(part);
    const captured = [...new Set([...attention.keys(), ...query.keys()])].sort((a, b) => a - b);
    const last = captured.at(-1);
    if (last === undefined) throw this.refuse(`${this.file.file} holds no layer of attention. Capture at least one.`);
    this.requireRoom(captured, attention, query);
    const layers: CapturedLayer[] = [];
    const maps: Float32Array[][] = [];
    for (let layer = 0; layer <= last; layer++) {
      const [p, q, k] = [attention.get(layer), query.get(layer), key.get(layer)];
      const heads = p?.sizes.heads ?? q?.sizes.heads ?? 0;
      const kvHeads = k?.sizes.heads ?? heads;
      if (q && k) this.requireFit(layer, q, k);
      layers.push({ heads, kvHeads, headDim: q?.sizes.width ?? k?.sizes.width ?? 0 });
      maps.push(
        Array.from({ length: heads }, (_, head) => (p ? this.taken(p, layer, head) : this.made(layer, head, q, k))),
      );
    }
    return { layers, rows: this.rows, maps, hiddenWidth: [...hidden.values()][0]?.sizes.width };
  }

  /** By layer. */
  private partsOf(held: CapturedTensor['holds']): Parts {
    const parts = new Map<number, Part>();
    for (const tensor of this.file.tensors) {
      if (tensor.holds !== held) continue;
      for (const [layer, part] of this.layersOf(tensor)) {
        if (parts.has(layer)) {
          throw this.refuse(`Layer ${layer} has two tensors that hold ${held}. Describe one of them.`);
        }
        parts.set(layer, part);
      }
    }
    return parts;
  }

  private layersOf(tensor: CapturedTensor): readonly (readonly [layer: number, part: Part])[] {
    const { name, layer, layout } = tensor;
    if (layer !== undefined) return [[layer, this.part(tensor, name, layer, 0)]];
    if (!layout.includes('layers')) {
      const [before = '', behind = ''] = name.split(layerMark);
      const numbered = this.tensors.names.flatMap((each) => {
        const number =
          each.startsWith(before) && each.endsWith(behind)
            ? each.slice(before.length, each.length - behind.length)
            : '';
        return /^\d{1,5}$/u.test(number) ? [[Number(number), this.part(tensor, each, Number(number), 0)] as const] : [];
      });
      if (numbered.length === 0) throw this.missing(name);
      return numbered;
    }
    const { sizes } = this.part(tensor, name, undefined, 0);
    return Array.from({ length: sizes.layers ?? 0 }, (_, at) => [at, this.part(tensor, name, at, at)] as const);
  }

  private part(tensor: CapturedTensor, name: string, layer: number | undefined, at: number): Part {
    const { layout, holds } = tensor;
    if (!this.stored.has(name)) this.stored.set(name, this.tensors.tensor(name));
    const found = this.stored.get(name);
    if (!found) throw this.missing(name);
    const { shape, data, dtype } = found;
    if (shape.length !== layout.length) {
      throw this.refuse(
        `"${name}" has ${shape.length} axes, [${shape.join(', ')}], and its layout names ${layout.length}: ${layout.join(', ')}. Correct the layout.`,
      );
    }
    const sizes: Partial<Record<CaptureAxis, number>> = {};
    const strides: Partial<Record<CaptureAxis, number>> = {};
    let stride = 1;
    for (let axis = layout.length - 1; axis >= 0; axis--) {
      const [called, size] = [layout[axis]!, shape[axis]!];
      sizes[called] = size;
      strides[called] = stride;
      stride *= size;
      if (size === 0) throw this.refuse(`The axis "${called}" of "${name}" is empty. Capture it again.`);
    }
    const { length } = this.file.tokens;
    for (const axis of ['queries', 'keys', 'tokens'] as const) {
      const size = sizes[axis];
      if (size === undefined || size === length) continue;
      throw this.refuse(
        `"${name}" has ${size} ${axis}, and the description lists ${length} tokens. ${advice(holds, axis, size, length)}`,
      );
    }
    const { batch = 0 } = this.file;
    if (batch >= (sizes.batch ?? 1)) {
      throw this.refuse(
        `"${name}" has a batch of ${sizes.batch ?? 1}, and element ${batch} is asked for. Choose "batch" from 0.`,
      );
    }
    const from = batch * (strides.batch ?? 0) + (layer === undefined ? 0 : at * (strides.layers ?? 0));
    return { name, dtype, data, from, sizes, strides };
  }

  private missing(name: string): Error {
    const { names } = this.tensors;
    const shown = listed(names.slice(0, 5).map((each) => `"${each}"`));
    const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
    return this.refuse(
      `${this.file.file} has no tensor "${name}". It has ${names.length === 0 ? 'none' : `${shown}${more}`}. Correct the name.`,
    );
  }

  private requireRoom(captured: readonly number[], attention: Parts, query: Parts): void {
    const heads = captured.reduce(
      (sum, layer) => sum + ((attention.get(layer) ?? query.get(layer))?.sizes.heads ?? 0),
      0,
    );
    const widened = [...this.stored.values()].reduce((sum, one) => sum + (one?.data.byteLength ?? 0), 0);
    this.reading.requireRoom(widened + 4 * heads * this.rows.length ** 2);
  }

  private requireFinite({ name, data }: Part): void {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      throw this.refuse(
        `"${name}" holds ${String(data[at])}, number ${at} of it. Capture it again in float32 or bfloat16.`,
      );
    }
  }

  private requireFit(layer: number, q: Part, k: Part): void {
    if (q.sizes.width !== k.sizes.width) {
      throw this.refuse(
        `In layer ${layer} a query has ${q.sizes.width} numbers and a key ${k.sizes.width}. Correct the layouts of "${q.name}" and "${k.name}".`,
      );
    }
    const [heads = 1, kvHeads = 1] = [q.sizes.heads, k.sizes.heads];
    if (heads % kvHeads !== 0) {
      throw this.refuse(
        `In layer ${layer} ${heads} query heads cannot share ${kvHeads} key heads evenly. Correct the layouts of "${q.name}" and "${k.name}".`,
      );
    }
  }

  /** Checked, without masked tokens. */
  private taken(part: Part, layer: number, head: number): Float32Array {
    const { name, data, strides, dtype } = part;
    const { tokens, causal, window } = this.file;
    const [first, down, across] = [part.from + head * (strides.heads ?? 0), strides.queries ?? 0, strides.keys ?? 0];
    const most = allowed(dtype);
    const [n, all] = [this.rows.length, tokens.length];
    const map = new Float32Array(n * n);
    const fail = (query: number, what: string): Error =>
      this.refuse(`"${name}", layer ${layer}, head ${head}, query ${query}: ${what}`);
    for (const [row, query] of this.rows.entries()) {
      const read = keysRead(query, all, { causal, window });
      let sum = 0;
      let masked = 0;
      let outside = 0;
      let to = row * n;
      for (let key = 0; key < all; key++) {
        const p = data[first + query * down + key * across] ?? Number.NaN;
        if (!Number.isFinite(p))
          throw fail(query, `it gives key ${key} ${String(p)}. Capture it again, in float32 or bfloat16.`);
        if (p < 0) {
          throw fail(
            query,
            `it gives key ${key} ${shown(p)}. Probabilities are wanted: capture what comes out of softmax, and not scores.`,
          );
        }
        sum += p;
        if (this.masked.has(key)) masked += p;
        else map[to++] = p;
        if (key < read.first || key >= read.end) outside += p;
      }
      if (Math.abs(sum - 1) > most) {
        throw fail(
          query,
          `its probabilities sum to ${shown(sum)}, not 1. If the token is padding, list its position in "masked"; otherwise check the layout.`,
        );
      }
      if (masked > most) throw fail(query, `it gives ${shown(masked)} to masked tokens. Correct "masked".`);
      if (outside > most) {
        const which = window === undefined ? 'later tokens' : 'tokens outside its window';
        const corrections = [
          causal && 'set "causal" to false',
          window !== undefined && 'correct "window"',
          'check the layout',
        ];
        const offered = corrections.filter((one) => one !== false).join(', or ');
        throw fail(query, `it gives ${shown(outside)} to ${which}. ${offered[0]?.toUpperCase()}${offered.slice(1)}.`);
      }
    }
    return map;
  }

  private made(layer: number, head: number, q: Part | undefined, k: Part | undefined): Float32Array {
    if (!q || !k)
      throw this.refuse(`Layer ${layer} has ${q ? 'queries and no keys' : 'keys and no queries'}. Describe both.`);
    const { tokens, causal, window } = this.file;
    const [heads = 1, kvHeads = 1, width = 1] = [q.sizes.heads, k.sizes.heads, q.sizes.width];
    const scale = this.file.scale ?? 1 / Math.sqrt(width);
    const n = this.rows.length;
    const queryAt = q.from + head * (q.strides.heads ?? 0);
    const keyAt = k.from + Math.floor(head / (heads / kvHeads)) * (k.strides.heads ?? 0);
    const [queryStep = 0, keyStep = 0] = [q.strides.width, k.strides.width];
    const map = new Float32Array(n * n);
    const scores = new Float64Array(n);
    for (const [row, query] of this.rows.entries()) {
      const read = keysRead(query, tokens.length, { causal, window });
      const begin = queryAt + query * (q.strides.tokens ?? 0);
      let largest = -Infinity;
      for (const [column, key] of this.rows.entries()) {
        if (key < read.first || key >= read.end) {
          scores[column] = -Infinity;
          continue;
        }
        const other = keyAt + key * (k.strides.tokens ?? 0);
        let dot = 0;
        for (let at = 0; at < width; at++)
          dot += (q.data[begin + at * queryStep] ?? 0) * (k.data[other + at * keyStep] ?? 0);
        scores[column] = scale * dot;
        largest = Math.max(largest, scale * dot);
      }
      let sum = 0;
      for (let column = 0; column < n; column++) {
        const weight = Math.exp((scores[column] ?? 0) - largest);
        scores[column] = weight;
        sum += weight;
      }
      for (let column = 0; column < n; column++) map[row * n + column] = (scores[column] ?? 0) / sum;
    }
    return map;
  }
}

type Parts = ReadonlyMap<number, Part>;

const shown = (value: number): string => String(Number(value.toPrecision(4)));

function advice(holds: CapturedTensor['holds'], axis: string, size: number, length: number): string {
  if (holds === 'attention' && axis === 'queries' && size < length) {
    return 'Capture one run over all tokens: a cached step has the last query alone.';
  }
  return size > length ? 'List every token, padding included.' : 'List the tokens that were run, and no others.';
}

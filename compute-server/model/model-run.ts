/**
 * Runs a prompt through a model, layer by layer and, inside a layer, chunk of queries by chunk of queries. Only one layer's
 * scores of one chunk are alive at a time: memory grows with the length, not with its square.
 */
import { rotaryTables } from '../../models/architectures/rope';
import type { BlockSpec, ModelSpec } from '../../models/architectures/model-spec';
import { statisticOutputs, topKeyOutputs, topKeys } from '../../models/instrument/statistics';
import type { LayerTap } from '../../models/instrument/taps';
import type { RuntimeArray, RuntimeValues } from '../runtime/session';
import { requireFinite } from './finite';
import { earlierOccurrences, PickTable, StatisticsCollector, type HeadNumbers, type KeyGroup } from './head-statistics';
import { firstChangedLayer, interventionFeeds, type Variant } from './interventions';
import { KeyValueCache } from './key-value-cache';
import type { LayerSessions } from './layer-sessions';

export interface RunRequest {
  readonly ids: readonly number[];
  /** One run per variant, as a batch; absent: the plain model alone. Statistics and taps are those of variant 0. */
  readonly variants?: readonly Variant[];
  /** Queries per chunk. */
  readonly chunk: number;
  readonly groups?: readonly KeyGroup[];
  readonly statistics?: boolean;
  /** Earlier occurrences by position, where they are not those of the ids (null models of induction). */
  readonly earlier?: readonly (readonly number[])[];
  readonly thumbnails?: boolean;
  readonly topKeys?: boolean;
  /** Taps of layers, kept whole: for short prompts. */
  readonly taps?: readonly { readonly layer: number; readonly tap: LayerTap }[];
  /** Probabilities of single heads. */
  readonly maps?: readonly { readonly layer: number; readonly head: number }[];
  /** Positions whose logits are wanted. */
  readonly logits: 'last' | 'all' | 'none';
  /** Mean loss of the next token (-ln of its probability, nats) over the queries at these positions, for each variant. */
  readonly lossAt?: readonly number[];
  /** The uninstrumented graphs: no variants, taps or statistics. For parity. */
  readonly plain?: boolean;
  /** Residual streams to start from instead of token embeddings (image tokens, resumed or patched runs). */
  readonly from?: ResidualStream;
  /** Keep the residual stream that enters these layers. */
  readonly keepResiduals?: readonly number[];
  /** Keep keys and values, for decoding. */
  readonly keepCache?: boolean;
  /** Replaces token embeddings at these positions, [positions, hiddenSize]. */
  readonly embeddings?: { readonly positions: readonly number[]; readonly data: Float32Array };
}

/** The residual stream [b, n, w] that enters a layer, chunk by chunk. */
export interface ResidualStream {
  readonly layer: number;
  readonly chunks: readonly Float32Array[];
  readonly chunk: number;
  readonly batch: number;
  /** Hidden size. */
  readonly width: number;
}

export interface LayerResult {
  readonly layer: number;
  readonly statistics?: HeadNumbers;
  /** [heads][thumbnailSize][thumbnailSize] */
  readonly thumbnail?: Float32Array;
  /** By tap; [rows of all chunks joined along n]. */
  readonly taps: Readonly<Partial<Record<LayerTap, RuntimeArray>>>;
  /** By head: probabilities [n, t], row-major. */
  readonly maps: ReadonlyMap<number, Float32Array>;
  /** [n][h][topKeys]; weight 0 and key -1 where a query reads fewer keys. */
  readonly top?: {
    readonly weights: Float32Array;
    readonly keys: Int32Array;
    readonly heads: number;
    readonly k: number;
  };
}

export interface RunResult {
  readonly layers: readonly LayerResult[];
  /** [b, positions, v] */
  readonly logits?: RuntimeArray;
  /** By variant, in nats per token. */
  readonly loss?: readonly number[];
  readonly cache?: KeyValueCache;
  readonly residuals: readonly ResidualStream[];
  /** What leaves the last layer. */
  readonly last: ResidualStream;
}

export interface RunHooks {
  readonly signal?: AbortSignal | undefined;
  /** After each layer. */
  readonly onLayer?: (result: LayerResult, residual: ResidualStream) => void;
  /** Between chunks: layer, and share of the layer done. */
  readonly onChunk?: (layer: number, share: number) => void;
}

export async function runPrompt(
  model: ModelSpec,
  sessions: LayerSessions,
  request: RunRequest,
  hooks: RunHooks = {},
): Promise<RunResult> {
  const variants = request.variants && request.variants.length > 0 ? request.variants : [{}];
  // A bidirectional model reads later positions too, so its prompt cannot be cut.
  const whole = model.blocks.some(({ attention }) => !attention.causal);
  const chunks = chunksOf(request.ids.length, whole ? request.ids.length : request.chunk);
  const picks = new PickTable(request.earlier ?? (request.statistics ? earlierOccurrences(request.ids) : []));
  // Variants that agree up to a layer share the work below it: they are run as one until the first of them changes something.
  const split = Math.min(...variants.map((variant) => firstChangedLayer(variant) ?? Infinity));
  let stream: ResidualStream = request.from ?? (await embed(model, sessions, request, chunks, hooks.signal));
  const cache = request.keepCache ? emptyCache(model, variants.length) : undefined;
  const layers: LayerResult[] = [];
  const residuals: ResidualStream[] = [];
  const batchAt = (layer: number): number =>
    // Keys and values of all variants are kept side by side, so a run that keeps its cache is a batch from the start.
    request.keepCache || layer >= split ? variants.length : 1;

  for (const block of model.blocks.slice(stream.layer)) {
    const batch = Math.max(batchAt(block.index), stream.batch);
    if (batch > stream.batch) stream = spread(stream, batch);
    if (request.keepResiduals?.includes(block.index)) residuals.push(stream);
    const { result, out } = await runLayer(model, sessions, block, {
      request,
      variants: variants.slice(0, batch),
      chunks,
      picks,
      stream,
      cache,
      hooks,
    });
    stream = out;
    layers.push(result);
    hooks.onLayer?.(result, out);
  }
  if (stream.batch < variants.length) stream = spread(stream, variants.length);
  const logits = request.logits === 'none' ? undefined : await logitsOf(model, sessions, stream, request, hooks.signal);
  const loss = request.lossAt
    ? await lossOf(model, sessions, stream, request.ids, request.lossAt, hooks.signal)
    : undefined;
  return {
    layers,
    residuals,
    last: stream,
    ...(loss ? { loss } : {}),
    ...(logits ? { logits } : {}),
    ...(cache ? { cache } : {}),
  };
}

interface Chunk {
  readonly start: number;
  readonly length: number;
}

export function chunksOf(length: number, chunk: number): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < length; start += chunk) chunks.push({ start, length: Math.min(chunk, length - start) });
  return chunks;
}

export function emptyCache(model: ModelSpec, batch: number, expected = 0): KeyValueCache {
  return new KeyValueCache(
    model.blocks.map(({ attention }) => batch * attention.kvHeads * attention.headDim),
    model.blocks.map(({ attention }) => [batch, attention.kvHeads, attention.headDim] as const),
    expected,
  );
}

async function embed(
  model: ModelSpec,
  sessions: LayerSessions,
  request: RunRequest,
  chunks: readonly Chunk[],
  signal: AbortSignal | undefined,
): Promise<ResidualStream> {
  const session = await sessions.session({ kind: 'embedding' });
  const width = model.hiddenSize;
  const replaced = new Map(request.embeddings?.positions.map((position, row) => [position, row]) ?? []);
  const out: Float32Array[] = [];
  for (const { start, length } of chunks) {
    signal?.throwIfAborted();
    const values = await session.run({
      token_ids: int64(request.ids.slice(start, start + length), [1, length]),
      ...(model.embedding.positions ? { query_positions: int64(range(start, length), [length]) } : {}),
    });
    const rows = floats(values, 'residual.out');
    requireFinite(rows, width, 1, start, 'The embedding');
    for (let i = 0; i < length; i++) {
      const row = replaced.get(start + i);
      if (row !== undefined && request.embeddings) {
        rows.set(request.embeddings.data.subarray(row * width, (row + 1) * width), i * width);
      }
    }
    out.push(rows);
  }
  return { layer: 0, chunks: out, chunk: request.chunk, batch: 1, width };
}

interface LayerWork {
  readonly request: RunRequest;
  readonly variants: readonly Variant[];
  readonly chunks: readonly Chunk[];
  readonly picks: PickTable;
  readonly stream: ResidualStream;
  readonly cache: KeyValueCache | undefined;
  readonly hooks: RunHooks;
}

async function runLayer(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  work: LayerWork,
): Promise<{ readonly result: LayerResult; readonly out: ResidualStream }> {
  const { request, chunks, stream, hooks } = work;
  const layer = block.index;
  const session = await sessions.session({ kind: 'block', layer, instrumented: !request.plain });
  const { window } = block.attention;
  const held = Math.min(request.ids.length, window === undefined ? Infinity : window + stream.chunk);
  const cache = work.cache ?? emptyCache(model, stream.batch, held);
  const groups = request.groups ?? [];
  const collector =
    request.statistics && !request.plain
      ? new StatisticsCollector(
          block.attention.heads,
          work.picks,
          groups,
          request.thumbnails ? request.ids.length : undefined,
          !block.attention.causal,
        )
      : undefined;
  const taps = (request.taps ?? []).filter((wanted) => wanted.layer === layer).map(({ tap }) => tap);
  const mapHeads = (request.maps ?? []).filter((wanted) => wanted.layer === layer).map(({ head }) => head);
  const rows = new Gathered(request.ids.length);
  const out: Float32Array[] = [];
  for (const [index, { start, length }] of chunks.entries()) {
    hooks.signal?.throwIfAborted();
    const firstKey = cache.first(layer);
    const keys = cache.length(layer) + length;
    const values = await session.run(
      {
        ...blockFeeds(model, block, cache, stream.chunks[index] ?? new Float32Array(0), {
          batch: stream.batch,
          start,
          length,
          sequence: request.ids.length,
        }),
        ...(request.plain
          ? {}
          : {
              ...interventionFeeds(model, block, {
                variants: work.variants,
                groups: groups.map(({ name }) => name),
                keyGroups: groupColumns(groups, firstKey, keys),
                start,
                length,
              }),
              ...(collector?.feeds(start, length, firstKey, keys) ?? noStatistics(keys, length)),
              use_top_keys: flag(request.topKeys ?? false),
              selected_heads: int64(mapHeads, [mapHeads.length]),
            }),
      },
      [
        'residual.out',
        'new_key',
        'new_value',
        ...taps.map((tap) => (tap === 'residual' ? 'residual.out' : tap)).filter((tap) => tap !== 'residual.input'),
        ...(collector ? statisticOutputs : []),
        ...(request.topKeys && !request.plain ? topKeyOutputs : []),
        ...(mapHeads.length > 0 ? ['attention.selected'] : []),
      ].filter((name, at, all) => all.indexOf(name) === at),
    );
    const residual = floats(values, 'residual.out');
    requireFinite(residual, model.hiddenSize, stream.batch, start, `Layer ${layer}`);
    out.push(residual);
    cache.append(layer, floats(values, 'new_key'), floats(values, 'new_value'));
    if (block.attention.window !== undefined) cache.trim(layer, block.attention.window - 1);
    collector?.add(start, length, firstKey, values);
    rows.addTaps(taps, values, stream, index);
    rows.addMaps(mapHeads, values, start, length, firstKey);
    if (request.topKeys && !request.plain) rows.addTop(values, block.attention.heads, start, length, firstKey);
    hooks.onChunk?.(layer, (index + 1) / chunks.length);
  }
  return {
    out: { ...stream, layer: layer + 1, chunks: out },
    result: {
      layer,
      ...(collector ? { statistics: collector.numbers() } : {}),
      ...(collector && request.thumbnails ? { thumbnail: collector.thumbnail() ?? new Float32Array(0) } : {}),
      taps: rows.taps(),
      maps: rows.maps,
      ...(rows.top ? { top: rows.top } : {}),
    },
  };
}

/** What every block graph takes, instrumented or plain. */
export function blockFeeds(
  model: ModelSpec,
  block: BlockSpec,
  cache: KeyValueCache,
  residual: Float32Array,
  run: { readonly batch: number; readonly start: number; readonly length: number; readonly sequence: number },
): Record<string, RuntimeArray> {
  const layer = block.index;
  const past = cache.past(layer);
  const keys = cache.length(layer) + run.length;
  const positions = range(run.start, run.length);
  const rope = block.attention.rope === undefined ? undefined : model.ropes[block.attention.rope];
  const context = { contextLength: model.contextLength, sequenceLength: run.sequence };
  const tables = rope ? rotaryTables(rope, positions, context) : undefined;
  const shape = rope ? [run.length, rope.dimensions / 2] : [];
  return {
    residual: { data: residual, shape: [run.batch, run.length, model.hiddenSize] },
    past_key: past.key,
    past_value: past.value,
    ...(block.attention.causal
      ? {
          query_positions: int64(positions, [run.length]),
          key_positions: int64(range(cache.first(layer), keys), [keys]),
        }
      : {}),
    ...(tables ? { rope_cos: { data: tables.cos, shape }, rope_sin: { data: tables.sin, shape } } : {}),
  };
}

export function groupColumns(groups: readonly KeyGroup[], firstKey: number, keys: number): RuntimeArray {
  const data = new Float32Array(groups.length * keys);
  groups.forEach((group, g) => {
    for (const position of group.positions) {
      const key = position - firstKey;
      if (key >= 0 && key < keys) data[g * keys + key] = 1;
    }
  });
  return { data, shape: [groups.length, keys] };
}

/** Inputs of the statistics branch when it is not taken: their sizes matter to no one. */
export const noStatistics = (keys: number, length: number): Record<string, RuntimeArray> => ({
  use_statistics: flag(false),
  key_columns: { data: new Float32Array(0), shape: [keys, 0] },
  key_picks: { data: new Int32Array(0), shape: [length, 0] },
  query_rows: { data: new Float32Array(0), shape: [0, length] },
});

async function logitsOf(
  model: ModelSpec,
  sessions: LayerSessions,
  stream: ResidualStream,
  request: RunRequest,
  signal: AbortSignal | undefined,
): Promise<RuntimeArray | undefined> {
  if (!model.head.vocabulary) return undefined;
  const session = await sessions.session({ kind: 'head' });
  const width = model.hiddenSize;
  const { batch } = stream;
  if (request.logits === 'last') {
    const chunk = stream.chunks.at(-1) ?? new Float32Array(0);
    const length = chunk.length / (batch * width);
    const rows = new Float32Array(batch * width);
    for (let b = 0; b < batch; b++) {
      rows.set(chunk.subarray((b * length + length - 1) * width, (b + 1) * length * width), b * width);
    }
    const values = await session.run({ residual: { data: rows, shape: [batch, 1, width] } });
    const last = request.ids.length - 1;
    requireFinite(floats(values, 'logits'), model.head.vocabulary.outputs, batch, last, 'The language head');
    return values['logits'];
  }
  const vocabulary = model.head.vocabulary.outputs;
  const whole = new Float32Array(batch * request.ids.length * vocabulary);
  let start = 0;
  for (const chunk of stream.chunks) {
    signal?.throwIfAborted();
    const length = chunk.length / (batch * width);
    const logits = floats(await session.run({ residual: { data: chunk, shape: [batch, length, width] } }), 'logits');
    requireFinite(logits, vocabulary, batch, start, 'The language head');
    for (let b = 0; b < batch; b++) {
      whole.set(
        logits.subarray(b * length * vocabulary, (b + 1) * length * vocabulary),
        (b * request.ids.length + start) * vocabulary,
      );
    }
    start += length;
  }
  return { data: whole, shape: [batch, request.ids.length, vocabulary] };
}

/** Logits of one chunk at a time: the vocabulary times the whole prompt would not fit. */
async function lossOf(
  model: ModelSpec,
  sessions: LayerSessions,
  stream: ResidualStream,
  ids: readonly number[],
  positions: readonly number[],
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const vocabulary = model.head.vocabulary?.outputs;
  if (vocabulary === undefined) throw new RangeError('the model has no language head');
  const session = await sessions.session({ kind: 'head' });
  const { width, batch } = stream;
  const wanted = new Set(positions.filter((position) => position + 1 < ids.length));
  const sums = new Float64Array(batch);
  let start = 0;
  for (const chunk of stream.chunks) {
    signal?.throwIfAborted();
    const length = chunk.length / (batch * width);
    const rows = range(start, length).filter((position) => wanted.has(position));
    if (rows.length > 0) {
      const picked = new Float32Array(batch * rows.length * width);
      for (let b = 0; b < batch; b++) {
        rows.forEach((position, row) => {
          const from = (b * length + position - start) * width;
          picked.set(chunk.subarray(from, from + width), (b * rows.length + row) * width);
        });
      }
      const values = await session.run({ residual: { data: picked, shape: [batch, rows.length, width] } });
      const logits = floats(values, 'logits');
      for (let b = 0; b < batch; b++) {
        rows.forEach((position, row) => {
          const from = (b * rows.length + row) * vocabulary;
          const line = logits.subarray(from, from + vocabulary);
          sums[b] = (sums[b] ?? 0) + logSumExp(line) - (line[ids[position + 1] ?? 0] ?? 0);
        });
      }
    }
    start += length;
  }
  return Array.from(sums, (sum) => sum / wanted.size);
}

function logSumExp(values: Float32Array): number {
  let largest = -Infinity;
  for (const value of values) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

/** Repeats a stream of one for every variant. */
function spread(stream: ResidualStream, batch: number): ResidualStream {
  if (stream.batch !== 1) throw new RangeError(`a stream of ${stream.batch} variants cannot become ${batch}`);
  const chunks = stream.chunks.map((chunk) => {
    const wide = new Float32Array(chunk.length * batch);
    for (let b = 0; b < batch; b++) wide.set(chunk, b * chunk.length);
    return wide;
  });
  return { ...stream, chunks, batch };
}

/** What the chunks of one layer give, joined along the positions (variant 0 for maps and top keys). */
class Gathered {
  readonly maps = new Map<number, Float32Array>();
  top: { weights: Float32Array; keys: Int32Array; heads: number; k: number } | undefined;
  private readonly pieces = new Map<LayerTap, RuntimeArray[]>();

  constructor(private readonly length: number) {}

  addTaps(taps: readonly LayerTap[], values: RuntimeValues, stream: ResidualStream, index: number): void {
    for (const tap of taps) {
      const value =
        tap === 'residual.input' ? residualInput(stream, index) : values[tap === 'residual' ? 'residual.out' : tap];
      if (!value) throw new TypeError(`the layer gave no "${tap}"`);
      this.pieces.set(tap, [...(this.pieces.get(tap) ?? []), value]);
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
    // A chunk of fewer keys gives fewer; the rest stays at weight 0 and key -1.
    const given = values['statistics.top_key']?.shape[3] ?? 0;
    this.top ??= {
      weights: new Float32Array(this.length * heads * topKeys),
      keys: new Int32Array(this.length * heads * topKeys).fill(-1),
      heads,
      k: topKeys,
    };
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < length; i++) {
        for (let slot = 0; slot < given; slot++) {
          const from = (head * length + i) * given + slot;
          const to = ((start + i) * heads + head) * topKeys + slot;
          this.top.weights[to] = weights[from] ?? 0;
          this.top.keys[to] = Number(keys[from] ?? 0n) + firstKey;
        }
      }
    }
  }
}

function residualInput({ chunks, batch, width }: ResidualStream, index: number): RuntimeArray {
  const data = chunks[index] ?? new Float32Array(0);
  return { data, shape: [batch, data.length / (batch * width), width] };
}

/** Joins [.., n, x] pieces along n; probabilities, whose width differs by chunk, are padded with zeros to the last width. */
function joinRows(tap: LayerTap, pieces: readonly RuntimeArray[]): RuntimeArray {
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
    if (!(piece.data instanceof Float32Array)) throw new TypeError(`"${tap}" is no float32`);
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

export const flag = (on: boolean): RuntimeArray => ({ data: new Uint8Array([on ? 1 : 0]), shape: [] });

export const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);

export const int64 = (numbers: readonly number[], shape: readonly number[]): RuntimeArray => ({
  data: BigInt64Array.from(numbers, BigInt),
  shape,
});

export function floats(values: RuntimeValues, name: string): Float32Array {
  const value = values[name]?.data;
  if (!(value instanceof Float32Array)) throw new TypeError(`the graph gave no "${name}"`);
  return value;
}

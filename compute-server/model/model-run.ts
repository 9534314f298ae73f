/**
 * Runs a prompt through a model, layer by layer and, inside a layer, chunk of queries by chunk of queries. Only one layer's
 * scores of one chunk are alive at a time: memory grows with the length, not with its square.
 */
import type { BlockSpec, ModelSpec } from '../../models/architectures/model-spec';
import { reinforcementOutputs } from '../../models/instrument/interventions/reinforcement';
import { statisticOutputs, topKeyOutputs } from '../../models/instrument/statistics';
import type { RuntimeArray, RuntimeValues } from '../runtime/session';
import { requireFinite } from './finite';
import { Gathered } from './gathered';
import { noStatistics, ranked, StatisticsCollector, type KeyGroup } from './head-statistics';
import { earlierOccurrences, PickTable } from './pick-table';
import { firstChangedLayer, gainsOfSelected, interventionFeeds, type Variant } from './interventions';
import { chunkTables } from './chunk-tables';
import { KeyValueCache } from './key-value-cache';
import type { LayerSessions } from './layer-sessions';
import { logitsOf, lossOf } from './logits';
import { flag, floats, int64, range } from './runtime-arrays';
import type { LayerReinforcement, LayerResult, ResidualStream, RunHooks, RunRequest, RunResult } from './run-request';
import { positionAt, type Sequence } from './sequence';

export async function runPrompt(
  model: ModelSpec,
  sessions: LayerSessions,
  request: RunRequest,
  hooks: RunHooks = {},
): Promise<RunResult> {
  const variants = request.variants && request.variants.length > 0 ? request.variants : [{}];
  if (request.reinforcement && (variants.length > 1 || request.lastMass)) {
    throw new RangeError('gains are chosen for one variant, without the mass of the last row');
  }
  const chunks = chunksOfRun(model, request);
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

/** Rows that read later rows too: all of a bidirectional model's, else the prefix of the sequence. */
export const prefixOf = (model: ModelSpec, { ids, prefix }: Pick<Sequence, 'ids' | 'prefix'>): number =>
  model.blocks.some(({ attention }) => !attention.causal) ? ids.length : (prefix ?? 0);

/** Rows that read each other in both directions cannot be cut: the first chunk holds them all. */
export function chunksOf(length: number, chunk: number, prefix = 0): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < length; start += chunks.at(-1)?.length ?? length) {
    chunks.push({ start, length: Math.min(start === 0 ? Math.max(chunk, prefix) : chunk, length - start) });
  }
  return chunks;
}

/** Up to here another call of each layer costs more than statistics of all rows (demo models, 2 cores, 2026-11-24). */
const shortPrompt = 128;

function chunksOfRun(model: ModelSpec, request: RunRequest): readonly Chunk[] {
  const { length } = request.ids;
  const prefix = prefixOf(model, request);
  if (!request.lastMass || length <= shortPrompt || prefix === length) return chunksOf(length, request.chunk, prefix);
  return [...chunksOf(length - 1, request.chunk, prefix), { start: length - 1, length: 1 }];
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
  const width = model.hiddenSize;
  const replaced = new Map(request.embeddings?.rows.map((row, at) => [row, at]) ?? []);
  const out: Float32Array[] = [];
  for (const { start, length } of chunks) {
    signal?.throwIfAborted();
    // The id of an image token may lie outside of the table; its row is replaced.
    const ids = request.ids.slice(start, start + length).map((id, i) => (replaced.has(start + i) ? 0 : id));
    const rows = ids.every((_, i) => replaced.has(start + i))
      ? new Float32Array(length * width)
      : await embedTokens(model, sessions, request, start, ids);
    for (let i = 0; i < length; i++) {
      const at = replaced.get(start + i);
      if (at !== undefined && request.embeddings) {
        rows.set(request.embeddings.data.subarray(at * width, (at + 1) * width), i * width);
      }
    }
    requireFinite(rows, width, 1, start, 'The embedding');
    out.push(rows);
  }
  return { layer: 0, chunks: out, chunk: request.chunk, batch: 1, width };
}

/** Embeddings of ids that stand from row `start` of a sequence on, [ids, w]. */
export async function embedTokens(
  model: ModelSpec,
  sessions: LayerSessions,
  sequence: Pick<Sequence, 'ids' | 'positions'>,
  start: number,
  ids: readonly number[],
): Promise<Float32Array> {
  if (!model.embedding) throw new RangeError('the rows of a vision tower come from patches');
  const session = await sessions.session({ kind: 'embedding' });
  const positions = ids.map((_, i) => positionAt(sequence, start + i));
  const values = await session.run({
    token_ids: int64(ids, [1, ids.length]),
    ...(model.embedding.positions ? { query_positions: int64(positions, [ids.length]) } : {}),
  });
  return floats(values, 'residual.out');
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

interface LayerRun {
  readonly result: LayerResult;
  readonly out: ResidualStream;
}

async function runLayer(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  work: LayerWork,
): Promise<LayerRun> {
  const reinforced = work.request.reinforcement?.text.has(block.index) ?? false;
  if (!reinforced || work.chunks.length === 1) return runChunks(model, sessions, block, work, reinforced);
  // The last query chooses the gains and they act on all: the layer runs once to choose and once with what was chosen.
  const { result: chosen } = await runChunks(model, sessions, block, { ...work, cache: undefined }, true);
  const { reinforcement } = chosen;
  if (!reinforcement) throw new RangeError(`layer ${block.index} chose no gains`);
  const gains = gainsOfSelected(block.index, reinforcement.selected, work.request.reinforcement?.alpha ?? 1);
  const variants = work.variants.map((variant) => ({ ...variant, gains: [...(variant.gains ?? []), ...gains] }));
  const { result, out } = await runChunks(model, sessions, block, { ...work, variants }, false);
  return { result: { ...result, reinforcement }, out };
}

async function runChunks(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  work: LayerWork,
  /** The last query chooses gains. */
  choosing: boolean,
): Promise<LayerRun> {
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
          prefixOf(model, request),
        )
      : undefined;
  const taps = (request.taps ?? []).filter((wanted) => wanted.layer === layer).map(({ tap }) => tap);
  const mapHeads = (request.maps ?? []).filter((wanted) => wanted.layer === layer).map(({ head }) => head);
  const topFrom = request.topKeys === 'last' ? request.ids.length - 1 : 0;
  const rows = new Gathered(request.ids.length, request.tapRows, topFrom);
  const out: Float32Array[] = [];
  let lastMass: Float32Array | undefined;
  let reinforcement: LayerReinforcement | undefined;
  for (const [index, { start, length }] of chunks.entries()) {
    hooks.signal?.throwIfAborted();
    const last = index === chunks.length - 1;
    const weighing = last && (request.lastMass ?? false);
    const deciding = last && choosing;
    const ranking = !request.plain && (request.topKeys === 'all' || (request.topKeys === 'last' && last));
    const firstKey = cache.first(layer);
    const keys = cache.length(layer) + length;
    const keyGroups = groupColumns(groups, firstKey, keys);
    const values = await session.run(
      {
        ...blockFeeds(model, block, cache, stream.chunks[index] ?? new Float32Array(0), {
          batch: stream.batch,
          start,
          length,
          sequence: request,
        }),
        ...(request.plain
          ? {}
          : {
              ...interventionFeeds(model, block, {
                variants: work.variants,
                groups: groups.map(({ name }) => name),
                keyGroups,
                start,
                length,
                ...(deciding && request.reinforcement ? { reinforcement: request.reinforcement } : {}),
              }),
              ...(collector?.feeds(start, length, firstKey, keys, stream.batch) ??
                (weighing
                  ? groupMass(keyGroups, [length - 1], length, block.attention.heads, stream.batch)
                  : noStatistics(keys, length))),
              ...ranked(ranking ? Math.max(0, topFrom - start) : undefined),
              selected_heads: int64(mapHeads, [mapHeads.length]),
            }),
      },
      [
        'residual.out',
        'new_key',
        'new_value',
        ...taps.map((tap) => (tap === 'residual' ? 'residual.out' : tap)).filter((tap) => tap !== 'residual.input'),
        ...(collector ? statisticOutputs : weighing ? ['statistics.mass'] : []),
        ...(deciding ? reinforcementOutputs : []),
        ...(ranking ? topKeyOutputs : []),
        ...(mapHeads.length > 0 ? ['attention.selected'] : []),
      ].filter((name, at, all) => all.indexOf(name) === at),
    );
    const residual = floats(values, 'residual.out');
    requireFinite(residual, model.hiddenSize, stream.batch, start, `Layer ${layer}`);
    out.push(residual);
    cache.append(layer, floats(values, 'new_key'), floats(values, 'new_value'));
    if (block.attention.window !== undefined) cache.trim(layer, block.attention.window - 1);
    collector?.add(start, length, firstKey, values);
    if (weighing) lastMass = floats(values, 'statistics.mass').slice(0, block.attention.heads * groups.length);
    if (deciding) reinforcement = chosenGains(values, block.attention.heads);
    rows.addTaps(taps, values, stream, index, start);
    rows.addMaps(mapHeads, values, start, length, firstKey);
    if (ranking) rows.addTop(values, block.attention.heads, start, length, firstKey);
    hooks.onChunk?.(layer, (index + 1) / chunks.length);
  }
  return {
    out: { ...stream, layer: layer + 1, chunks: out },
    result: {
      layer,
      ...(collector ? { statistics: collector.numbers() } : {}),
      ...(lastMass ? { lastMass } : {}),
      ...(reinforcement ? { reinforcement } : {}),
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
  run: {
    readonly batch: number;
    /** Rows [start, start + length) of the sequence, or behind it. */
    readonly start: number;
    readonly length: number;
    readonly sequence: Pick<Sequence, 'ids' | 'positions' | 'prefix'>;
  },
): Record<string, RuntimeArray> {
  const layer = block.index;
  const past = cache.past(layer);
  const keys = cache.length(layer) + run.length;
  const { sequence } = run;
  const positions = range(run.start, run.length).map((row) => positionAt(sequence, row));
  const prefixEnd = sequence.prefix ? positionAt(sequence, sequence.prefix - 1) : -1;
  const rope = block.attention.rope === undefined ? undefined : model.ropes[block.attention.rope];
  const tables = rope ? chunkTables(rope, model, run, positions) : undefined;
  const shape = rope ? [run.length, rope.dimensions / 2] : [];
  return {
    residual: { data: residual, shape: [run.batch, run.length, model.hiddenSize] },
    past_key: past.key,
    past_value: past.value,
    ...(block.attention.causal
      ? {
          ...(block.attention.window === undefined ? {} : { query_positions: int64(positions, [run.length]) }),
          query_reach: int64(
            positions.map((position) => Math.max(position, prefixEnd)),
            [run.length],
          ),
          key_positions: int64(
            range(cache.first(layer), keys).map((row) => positionAt(sequence, row)),
            [keys],
          ),
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

/** `statistics.mass` [b, h, rows, groups] of chosen queries of a chunk on the keys of each group. */
export function groupMass(
  keyGroups: RuntimeArray,
  rows: readonly number[],
  length: number,
  heads: number,
  batch = 1,
): Record<string, RuntimeArray> {
  const [groups = 0, keys = 0] = keyGroups.shape;
  const columns = new Float32Array(keys * groups);
  for (let g = 0; g < groups; g++) {
    for (let key = 0; key < keys; key++) columns[key * groups + g] = Number(keyGroups.data[g * keys + key] ?? 0);
  }
  const queries = new Float32Array(rows.length * length);
  rows.forEach((row, at) => (queries[at * length + row] = 1));
  return {
    ...noStatistics(keys, length),
    use_statistics: flag(true),
    key_columns: { data: columns, shape: [keys, groups] },
    segments: int64([batch, heads, 1, length, keys], [5]),
    query_rows: { data: queries, shape: [1, rows.length, length] },
  };
}

function chosenGains(values: RuntimeValues, heads: number): LayerReinforcement {
  const flags = (name: string): boolean[] => {
    const data = values[name]?.data;
    if (!(data instanceof Uint8Array)) throw new TypeError(`the layer gave no "${name}"`);
    return Array.from(data, (each) => each === 1);
  };
  return {
    selected: flags('reinforcement.selected').slice(0, heads),
    outlier: flags('reinforcement.outlier').slice(0, heads),
    divergence: Array.from(floats(values, 'reinforcement.divergence').subarray(0, heads)),
  };
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

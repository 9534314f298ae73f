/** One layer over the chunks of a prompt. */
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import { reinforcementOutputs } from '../../../models/instrument/interventions/reinforcement';
import { statisticOutputs, topKeyOutputs } from '../../../models/instrument/statistics';
import type { RuntimeValues } from '../../runtime/session';
import { requireFinite } from './finite';
import { Gathered } from './gathered';
import { noStatistics, ranked, StatisticsCollector } from './head-statistics';
import { gainsOfSelected, interventionFeeds, type Variant } from './interventions';
import { emptyCache, type KeyValueCache } from './key-value-cache';
import { blockFeeds, groupColumns, groupMass } from './layer-feeds';
import type { LayerSessions } from './layer-sessions';
import type { PickTable } from './pick-table';
import { prefixOf, type Chunk } from './run-chunks';
import type { LayerReinforcement, LayerResult, ResidualStream, RunHooks, RunRequest } from './run-request';
import { floats, int64 } from './runtime-arrays';

export interface LayerWork {
  readonly request: RunRequest;
  readonly variants: readonly Variant[];
  readonly chunks: readonly Chunk[];
  readonly picks: PickTable;
  readonly stream: ResidualStream;
  readonly cache: KeyValueCache | undefined;
  readonly hooks: RunHooks;
}

export interface LayerRun {
  readonly result: LayerResult;
  readonly out: ResidualStream;
}

export async function runLayer(
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
  const cache =
    request.past?.cache.branch(layer, stream.batch, request.ids.length - request.past.length) ??
    work.cache ??
    emptyCache(model, stream.batch, held);
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
              ...ranked(keys, ranking ? Math.max(0, topFrom - start) : undefined),
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

/** One layer over the chunks of a prompt. */
import { changesOf, type Variant } from '../../../../models/instrument/changes/changes';
import { decidesSources, goesByColumns } from '../../../../diagnostics/model-runner/redistribution-sources';
import { blockShapeOf, rarePartsIn } from '../../../../models/instrument/changes/changes';
import { stateOf } from '../../../../diagnostics/model-runner/stream-state';
import { headsOf } from '../../../../models/architectures/block-heads';
import { hasTap, withoutHeads } from './absent-taps';
import { readsShape } from '../../../../models/architectures/states/state-branch';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { reinforcementOutputs } from '../../../../models/instrument/changes/reinforcement';
import { gainChanges } from '../../../../models/instrument/changes/gain';
import { statisticOutputs, topKeyOutputs } from '../../../../models/instrument/statistics';
import type { LayerTap } from '../../../../models/instrument/taps';
import type { RuntimeArray, RuntimeValues } from '../../../runtime/session';
import { blockScoreOutputs } from '../../../../models/instrument/changes/block-choice';
import { dispose, fetched, KeptOutputs, type RuntimeValue } from '../../../runtime/values';
import { BlockChoices, LayerOutputs, noTop } from './layer-outputs';
import { byHead, columnsOutput, sourcesOutput } from '../../../../models/instrument/changes/redistribution';
import { leadingDirections } from '../changes/leading-directions';
import { noStatistics, ranked, StatisticsCollector, windowOf } from './head-statistics';
import { gainsOfSelected, interventionFeeds } from '../changes/fed-changes';
import { blockOutputsOf, emptyMemory, takeBlocks } from '../changes/chosen-blocks';
import { emptyCache, type KeyValueCache } from '../cache/key-value-cache';
import { blockFeeds, groupColumns, groupMass, LayerKeys } from './layer-feeds';
import { KeySources, readersOf, sourcesByColumns, sourcesByStates } from '../cache/key-sources';
import type { LayerSessions } from '../graphs/layer-sessions';
import { EffectiveCollector } from './effective-numbers';
import type { PickTable } from './statistics-layout';
import {
  prefixOf,
  type Chunk,
  type LayerReinforcement,
  type LayerResult,
  type RunHooks,
  type RunRequest,
} from './run-request';
import { CrossRun, isOfSource } from '../cross/cross-run';
import { disposeStream, hostStream, requireFiniteChunk, shortcutFeed, type RunStream } from '../graphs/run-stream';
import { arrayOf, floats, hiddenOf, int64 } from '../graphs/runtime-arrays';

export interface LayerWork {
  readonly request: RunRequest;
  readonly variants: readonly Variant[];
  readonly chunks: readonly Chunk[];
  readonly picks: PickTable;
  readonly stream: RunStream;
  readonly cache: KeyValueCache | undefined;
  readonly hooks: RunHooks;
  /** Keys that attention is taken from, where the run decides that. */
  readonly sources?: KeySources | undefined;
  /** Column sums [b, h, rows] are added up here. */
  readonly columnSums?: Float64Array;
}

export interface LayerRun {
  readonly result: LayerResult;
  /** Who runs the layer disposes of what lies on a device. */
  readonly out: RunStream;
  /** Keys that stay on the device for decoding; who runs the layer disposes of them too. */
  readonly keys?: LayerKeys | undefined;
}

export async function runLayer(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  work: LayerWork,
): Promise<LayerRun> {
  const reinforced = work.request.reinforcement?.text.has(block.index) ?? false;
  const sources = await sourcesOf(model, sessions, block, work);
  return withSources(await runDecided(model, sessions, block, { ...work, sources }, reinforced), sources);
}

const withSources = (run: LayerRun, sources: KeySources | undefined): LayerRun =>
  sources ? { ...run, result: { ...run.result, sources } } : run;

/** Keys that attention is taken from, decided by what enters the layer, or by a run of it; undefined where no head asks. */
async function sourcesOf(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  work: LayerWork,
): Promise<KeySources | undefined> {
  const { variants, request, stream, chunks } = work;
  const layer = block.index;
  if (request.plain || !variants.some((variant) => decidesSources(variant, layer))) return undefined;
  const { heads } = headsOf(block);
  const rows = request.ids.length;
  const made = new KeySources(stream.batch, heads, rows);
  if (request.past) {
    const known = request.past.cache.sources.get(layer);
    return known && known.batch !== stream.batch ? known.branch(stream.batch) : (known ?? made);
  }
  const changes = variants.map((variant) => byHead(changesOf(variant, 'redistribution', layer), heads));
  const states = await hostStream(stream);
  sourcesByStates(changes, rows, (variant, row) => stateOf(states, row, variant), made);
  made.open = variants.some((variant) => goesByColumns(variant, layer));
  if (made.open && chunks.length > 1) {
    // Column sums are those of all rows: the layer runs once to decide and once with what was decided.
    const sums = new Float64Array(stream.batch * heads * rows);
    const held = variants.map((variant) =>
      variant.map((one) => (one.kind === 'redistribution' && one.layer === layer ? { ...one, share: 0 } : one)),
    );
    made.open = false;
    const first = { ...work, variants: held, cache: undefined, sources: made, columnSums: sums };
    const { out } = await runChunks(model, sessions, block, first, false);
    disposeStream(out);
    sourcesByColumns(changes, sums, readersOf(block, rows, request.prefix), made);
  }
  work.cache?.sources.set(layer, made);
  return made;
}

async function runDecided(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  work: LayerWork,
  reinforced: boolean,
): Promise<LayerRun> {
  if (!reinforced || work.chunks.length === 1) return runChunks(model, sessions, block, work, reinforced);
  // The last query chooses the gains and they act on all: the layer runs once to choose and once with what was chosen.
  const { result: chosen, out: unchanged } = await runChunks(
    model,
    sessions,
    block,
    { ...work, cache: undefined },
    true,
  );
  disposeStream(unchanged);
  const { reinforcement } = chosen;
  if (!reinforcement) throw new RangeError(`layer ${block.index} chose no gains`);
  const gains = gainsOfSelected(block.index, reinforcement.selected, work.request.reinforcement?.alpha ?? 1);
  const variants = work.variants.map((variant) => [...variant, ...gainChanges(gains)]);
  const run = await runChunks(model, sessions, block, { ...work, variants }, false);
  return { ...run, result: { ...run.result, reinforcement } };
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
  const { shortcut: _, ...ofRun } = stream;
  const layer = block.index;
  // Before the layer is opened: what is opened for these may close it.
  const directions: (Float32Array | undefined)[] = [];
  for (const chunk of request.plain ? [] : stream.chunks) {
    directions.push(await leadingDirections(model, sessions, layer, work.variants, chunk, hooks.signal));
  }
  const cross = await CrossRun.of(model, sessions, block, request, stream.batch);
  const wanted = (request.taps ?? []).filter((one) => one.layer === layer).map(({ tap }) => tap);
  const taps = wanted.filter((tap) => !isOfSource(tap));
  const { attention } = block;
  const window = attention?.window;
  const { heads } = headsOf(block);
  // Statistics are of probabilities: a layer without attention has none, and gives them of no head.
  const readers = attention ? heads : 0;
  const blocks = request.plain ? undefined : blockShapeOf(work.variants, layer);
  const mapHeads = (request.maps ?? []).filter((wanted) => wanted.layer === layer).map(({ head }) => head);
  const effective =
    block.state !== undefined &&
    !request.plain &&
    (request.effective || taps.includes('state.effective') || (!attention && mapHeads.length > 0)) &&
    readsShape(block.state) !== undefined;
  const session = await sessions.session({
    kind: 'block',
    layer,
    instrumented: !request.plain,
    rare: request.plain ? [] : rarePartsIn(work.variants, layer, taps),
    blocks,
    effective,
  });
  const held = Math.min(request.ids.length, window === undefined ? Infinity : window + stream.chunk);
  const cache =
    request.past?.cache.branch(layer, stream.batch, request.ids.length - request.past.length) ??
    work.cache ??
    emptyCache(model, stream.batch, held);
  const memory = blocks && cache.memory(layer, () => emptyMemory(block, blocks, stream.batch));
  const past = new LayerKeys(block, cache, session.keeps);
  let reads = effective && block.state ? noReads(readsShape(block.state) ?? [], stream.batch) : undefined;
  const groups = request.groups ?? [];
  const collector =
    request.statistics && !request.plain
      ? new StatisticsCollector(
          readers,
          work.picks,
          groups,
          request.thumbnails ? request.ids.length : undefined,
          prefixOf(model, request),
          attention && windowOf(attention, request, model.marks),
        )
      : undefined;
  const effects =
    effective && request.effective && block.state
      ? new EffectiveCollector(block.state.heads, request.ids.length, request.thumbnails ?? false)
      : undefined;
  const { chosenBlocks } = request;
  const choosingRows =
    blocks && chosenBlocks && (chosenBlocks.layers?.includes(layer) ?? true)
      ? new BlockChoices(heads, chosenBlocks.rows)
      : undefined;
  const topFrom = request.topKeys === 'last' ? request.ids.length - 1 : 0;
  const rows = new LayerOutputs(request.ids.length, request.tapRows, topFrom);
  const out: RuntimeValue[] = [];
  const shortcut: RuntimeValue[] | undefined = block.shortcut === 'leaves' ? [] : undefined;
  let lastMass: Float32Array | undefined;
  let reinforcement: LayerReinforcement | undefined;
  let keys: LayerKeys | undefined;
  try {
    for (const [index, { start, length }] of chunks.entries()) {
      hooks.signal?.throwIfAborted();
      const last = index === chunks.length - 1;
      const weighing = attention !== undefined && last && (request.lastMass ?? false);
      const deciding = last && choosing;
      const ranking =
        attention !== undefined &&
        !request.plain &&
        (request.topKeys === 'all' || (request.topKeys === 'last' && last));
      const firstKey = past.first();
      const width = past.length() + length;
      const keyGroups = groupColumns(groups, firstKey, width);
      const input = stream.chunks[index] ?? { data: new Float32Array(0), shape: [stream.batch, 0, stream.width] };
      // Nothing reads the keys and values of the last chunk but the decoding.
      const going = !last || work.cache !== undefined;
      // The widths of taps are those of the last chunk.
      const tapped = last || (request.tapRows?.some((row) => row >= start && row < start + length) ?? true) ? taps : [];
      const kept = new KeptOutputs([
        'residual.out',
        ...(shortcut ? ['shortcut.out'] : []),
        ...(going ? past.outputs : []),
      ]);
      const values = await session.run(
        {
          ...blockFeeds(model, block, past, input, { batch: stream.batch, start, length, sequence: request }),
          ...shortcutFeed(block, stream.shortcut?.[index]),
          ...cross?.feeds(),
          ...(request.plain
            ? {}
            : {
                ...interventionFeeds(model, block, {
                  variants: work.variants,
                  groups: groups.map(({ name }) => name),
                  keyGroups,
                  start,
                  length,
                  directions: directions[index],
                  taps,
                  sources: work.sources,
                  blocks: memory,
                  sequence: request,
                  ...(deciding && request.reinforcement ? { reinforcement: request.reinforcement } : {}),
                }),
                ...(attention
                  ? {
                      ...(collector?.feeds(start, length, firstKey, width, stream.batch) ??
                        (weighing
                          ? groupMass(keyGroups, [length - 1], length, heads, stream.batch)
                          : noStatistics(width, length))),
                      ...ranked(width, ranking ? Math.max(0, topFrom - start) : undefined),
                    }
                  : {}),
                ...(attention || effective ? { selected_heads: int64(mapHeads, [mapHeads.length]) } : {}),
                ...(reads ? { past_reads: reads } : {}),
              }),
        },
        [
          ...kept.names,
          ...(going ? past.stateOutputs : []),
          ...(reads ? ['reads'] : []),
          ...(effects ? ['state.effective'] : []),
          ...tapped.filter((tap) => tap !== 'residual' && tap !== 'residual.input' && hasTap(block, tap)),
          ...blockOutputsOf(blocks),
          ...(choosingRows?.wants(start, length) ? blockScoreOutputs : []),
          ...(collector && attention ? statisticOutputs : weighing ? ['statistics.mass'] : []),
          ...(deciding ? reinforcementOutputs : []),
          ...(cross?.outputs() ?? []),
          ...(ranking ? topKeyOutputs : []),
          ...(mapHeads.length > 0 ? ['attention.selected'] : []),
          ...(work.sources?.open ? [sourcesOutput] : []),
          ...(work.columnSums ? [columnsOutput] : []),
        ].filter((name, at, all) => all.indexOf(name) === at),
        kept,
      );
      const residual = kept.of('residual.out', values);
      out.push(residual);
      shortcut?.push(kept.of('shortcut.out', values));
      if (going) await past.take(values, kept, length);
      takeBlocks(memory, values, length);
      if (work.sources?.open) work.sources.take(floats(values, sourcesOutput));
      if (work.columnSums) {
        const sums = floats(values, columnsOutput);
        for (let at = 0; at < sums.length; at++) {
          const to = Math.floor(at / width) * request.ids.length + firstKey + (at % width);
          work.columnSums[to] = (work.columnSums[to] ?? 0) + (sums[at] ?? 0);
        }
      }
      if (choosingRows?.wants(start, length)) choosingRows.add(values, start, length);
      await requireFiniteChunk(residual, start, `Layer ${layer}`);
      if (attention) collector?.add(start, length, firstKey, values);
      cross?.add(values, start, length);
      if (reads) reads = arrayOf(values, 'reads');
      effects?.add(start, arrayOf(values, 'state.effective'));
      if (weighing) lastMass = floats(values, 'statistics.mass').slice(0, heads * groups.length);
      if (deciding) reinforcement = chosenGains(values, heads);
      const given = { ...withoutHeads(block, tapped, stream.batch, length), ...values };
      rows.addTaps(tapped, await withStreams(given, tapped, input, residual, model.hiddenSize), start);
      rows.addMaps(mapHeads, values, start, length, firstKey);
      if (ranking) rows.addTop(values, heads, start, length, firstKey);
      hooks.onChunk?.(layer, (index + 1) / chunks.length);
    }
    if (work.cache && request.keysInPlace) keys = past;
    else if (work.cache) await past.settle();
    if (request.compress) work.cache?.keep(block, work.variants[0]);
  } catch (error) {
    dispose(...out, ...(shortcut ?? []));
    throw error;
  } finally {
    if (!keys) past.dispose();
  }
  return {
    out: { ...ofRun, layer: layer + 1, chunks: out, ...(shortcut ? { shortcut } : {}) },
    keys,
    result: {
      layer,
      ...(collector ? { statistics: collector.numbers() } : {}),
      ...(lastMass ? { lastMass } : request.lastMass ? { lastMass: new Float32Array(0) } : {}),
      ...(reinforcement ? { reinforcement } : {}),
      ...(collector && request.thumbnails ? { thumbnail: collector.thumbnail() ?? new Float32Array(0) } : {}),
      ...(effects ? { effective: effects.numbers() } : {}),
      taps: { ...rows.taps(), ...cross?.taps(wanted) },
      maps: rows.maps,
      ...(cross ? { cross: cross.result() } : {}),
      ...(rows.top ? { top: rows.top } : attention || !request.topKeys ? {} : { top: noTop }),
      ...(choosingRows ? { chosenBlocks: { rows: choosingRows.rows } } : {}),
    },
  };
}

/** With the streams that are tapped, which may lie on a device. */
async function withStreams(
  values: RuntimeValues,
  taps: readonly LayerTap[],
  input: RuntimeValue,
  residual: RuntimeValue,
  hidden: number,
): Promise<RuntimeValues> {
  return {
    ...values,
    ...(taps.includes('residual.input') ? { 'residual.input': hiddenOf(await fetched(input), hidden) } : {}),
    ...(taps.includes('residual') ? { residual: hiddenOf(await fetched(residual), hidden) } : {}),
  };
}

const noReads = (shape: readonly number[], batch: number): RuntimeArray => ({
  data: new Float32Array(0),
  shape: [batch, ...shape, 0],
});

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

/**
 * A sequence that was run with its keys and values kept, and goes on: token by token, or by several known tokens at once
 * (teacher forcing). Gains are held throughout; replacements act on the sequence it started with. Under a plan each head holds
 * what it keeps, where steps compute the rows; elsewhere all is held, and masked: the same numbers.
 */
import { changesOf, rarePartsIn, type Variant } from '../../../models/instrument/changes/changes';
import { gainChanges, type HeadGain } from '../../../models/instrument/changes/gain';
import type { CacheSize } from '../../../protocol/plans/cache-size';
import { headsOf } from '../../../models/architectures/block-heads';
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import { isRouted } from '../../../models/architectures/network-spec';
import { statisticOutputs, topKeyOutputs } from '../../../models/instrument/statistics';
import { routerTaps } from '../../../models/instrument/taps';
import { numbersOf, requireFiniteChunk, rowsOfChunk, shortcutFeed } from '../run/graphs/run-stream';
import { LayerOutputs, noTop } from '../run/stream/layer-outputs';
import type { Continuation, Extension, Observation, RouterRows } from '../../../diagnostics/model-runner/model-runner';
import type { HeadNumbers } from '../../../diagnostics/model-runner/head-numbers';
import { noStatistics, ranked, StatisticsCollector, windowOf } from '../run/stream/head-statistics';
import { earlierOccurrences, PickTable } from '../run/stream/statistics-layout';
import { gainsOfSelected, interventionFeeds } from '../run/changes/fed-changes';
import { blockOutputsOf, blocksOf, reachOf, takeBlocks } from '../run/changes/chosen-blocks';
import type { KeyValueCache } from '../run/cache/key-value-cache';
import { LayerKeys, blockFeeds, groupColumns, groupMass } from '../run/stream/layer-feeds';
import { heldByHeads, layerPlanOf } from '../run/cache/layer-plan';
import { leadingDirections } from '../run/changes/leading-directions';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { embedRows } from '../run/stream/embed';
import { runPrompt } from '../run/stream/model-run';
import { int64, range } from '../run/graphs/runtime-arrays';
import { RowSteps, type Looked, type Looks } from './row-steps';
import type { SequenceRunRequest } from './sequence-run-request';
import { followingOf, mayStep, type Following } from './decoding-graphs';
import { emptyObservation, joinedRouters, massOf, observationOf, observeRows, routerRows } from './observed-rows';
import { CrossRun } from '../run/cross/cross-run';
import { dispose, KeptOutputs, type RuntimeValue } from '../../runtime/values';
import type { LayerReinforcement, RunHooks } from '../run/stream/run-request';
import { positionAt, sequencePart, type KeyGroup } from '../../../diagnostics/model-runner/sequence';

/**
 * What a row costs more by the graphs of the blocks than by steps, and what opening sessions costs that widen half weights, in
 * seconds (322 million parameters in 24 layers, 2 threads, onnxruntime 1.30, 2026-11-27; indicative). A layer that holds its
 * weights is open for blocks or for steps: steps are opened once the rows run without them have cost as much as opening them
 * and, for the next prompt, the blocks again. So a text never takes twice the time that the better choice would have taken.
 */
const seconds = { row: 2e-4, cachedByte: 1.5e-10, openedByte: 1.2e-9 } as const;

export class SequenceRun implements Continuation {
  /** Seconds that rows would have taken less by steps. */
  private lost = 0;
  private readonly steps: RowSteps;
  /** Each with a key once. */
  private readonly groups: readonly KeyGroup[];

  private constructor(
    private readonly model: ModelSpec,
    private readonly sessions: LayerSessions,
    private readonly request: SequenceRunRequest,
    private readonly variant: Variant,
    private readonly cache: KeyValueCache,
    /** Over the cache, by layer: keys and values that lie on a device. */
    private readonly keys: readonly LayerKeys[],
    /** Logits at the last row of the sequence that the run started with, [v]. */
    readonly logits: Float32Array,
    readonly observation: Observation | undefined,
    /** By layer, where layers chose gains. */
    readonly chosen: ReadonlyMap<number, LayerReinforcement>,
    private readonly ids: number[],
    private readonly following: Following | undefined,
  ) {
    this.steps = new RowSteps(model, sessions, cache, request, variant);
    this.groups = (request.groups ?? []).map(({ name, positions }) => ({ name, positions: [...new Set(positions)] }));
  }

  get chunk(): number {
    return this.request.chunk;
  }

  static async start(
    model: ModelSpec,
    sessions: LayerSessions,
    request: SequenceRunRequest,
    hooks: RunHooks = {},
  ): Promise<SequenceRun> {
    const variant = request.variant ?? [];
    const { reinforcement, observe, topKeys } = request;
    const following = followingOf(model, sessions, request, request.ids.length);
    const run = await runPrompt(
      model,
      sessions,
      {
        ...sequencePart(request),
        variants: [variant],
        chunk: request.chunk,
        logits: 'last',
        keepCache: true,
        keysInPlace: true,
        compress: following === 'caches',
        ...(reinforcement ? { reinforcement } : {}),
        ...(observe
          ? {
              lastMass: true,
              taps: model.blocks.flatMap(({ index: layer, cross }) => [
                { layer, tap: 'attention.head_output' as const },
                ...(cross ? [{ layer, tap: 'cross.probabilities' as const }] : []),
              ]),
              tapRows: [request.ids.length - 1],
              ...(topKeys ? { topKeys: 'last' } : {}),
            }
          : {}),
      },
      hooks,
    );
    const logits = run.logits?.data;
    if (!run.cache || !run.keys || !(logits instanceof Float32Array))
      throw new RangeError('the model has no language head');
    const chosen = new Map(run.layers.flatMap(({ layer, reinforcement: own }) => (own ? [[layer, own] as const] : [])));
    const gains = [...chosen].flatMap(([layer, { selected }]) =>
      gainsOfSelected(layer, selected, reinforcement?.alpha ?? 1),
    );
    const observation = observe ? observationOf(run.layers, topKeys) : undefined;
    const held = gains.length === 0 ? variant : [...variant, ...gainChanges(gains)];
    const ids = [...request.ids];
    return new SequenceRun(
      model,
      sessions,
      request,
      held,
      run.cache,
      run.keys,
      logits,
      observation,
      chosen,
      ids,
      following,
    );
  }

  /** Goes on from keys and values of the rows of the request, kept as its plan says: without the logits of the last of them. */
  static over(
    model: ModelSpec,
    sessions: LayerSessions,
    request: SequenceRunRequest,
    cache: KeyValueCache,
  ): SequenceRun {
    const { variant = [], ids } = request;
    const following = followingOf(model, sessions, request, ids.length);
    const keys = model.blocks.map((block) => new LayerKeys(block, cache, false));
    const [logits, chosen] = [new Float32Array(0), new Map<number, LayerReinforcement>()];
    return new SequenceRun(
      model,
      sessions,
      request,
      variant,
      cache,
      keys,
      logits,
      undefined,
      chosen,
      [...ids],
      following,
    );
  }

  /** Rows so far. */
  get length(): number {
    return this.ids.length;
  }

  /** The gains that are held, those that the layers chose among them. */
  get gains(): readonly HeadGain[] {
    return changesOf(this.variant, 'gain').map(({ layer, head, gain }) => ({ layer, head, gain }));
  }

  /** False when the context is full. */
  get canGoOn(): boolean {
    const context = reachOf(this.model, this.variant);
    return context === undefined || positionAt(this.request, this.ids.length) < context;
  }

  /** Keys and values that are held now, of all layers. */
  cacheBytes(): CacheSize {
    const all = this.model.blocks.map((block, at) => ({
      ...(this.keys[at]?.bytes() ?? this.cache.bytes(block.index)),
      masked: this.masked(block),
    }));
    const sum = (of: (each: (typeof all)[number]) => number): number =>
      all.reduce((total, each) => total + of(each), 0);
    return {
      bytes: sum(({ used }) => used),
      bytesFull: sum(({ full }) => full),
      allocated: sum(({ allocated }) => allocated),
      maskedLayers: sum(({ masked }) => (masked ? 1 : 0)),
    };
  }

  async extend(added: readonly number[], wanted: Looks = {}): Promise<Extension> {
    if (this.following !== 'caches' || added.length === 1) return this.extendAtOnce(added, wanted);
    // A step is one row; what heads have dropped is gone, so that no graph of a block can read for them.
    let last: Extension | undefined;
    const observations: Observation[] = [];
    const routers: (readonly RouterRows[])[] = [];
    for (const id of added) {
      last = await this.extendAtOnce([id], wanted);
      observations.push(...last.observations);
      routers.push(last.routers ?? []);
    }
    if (!last) throw new RangeError('there is no token to go on with');
    return { ...last, observations, ...(wanted.routers ? { routers: joinedRouters(routers) } : {}) };
  }

  private async extendAtOnce(added: readonly number[], wanted: Looks): Promise<Extension> {
    const { model, sessions, request } = this;
    const start = this.ids.length;
    const length = added.length;
    if (wanted.statistics && length !== 1) throw new RangeError('statistics are those of one token');
    this.ids.push(...added);
    const { groups } = this;
    const picks = wanted.statistics ? new PickTable(earlierOccurrences(this.ids), start) : undefined;
    let residual = await embedRows(model, sessions, request, start, added);
    let shortcut: RuntimeValue | undefined;
    const pass = (next: RuntimeValue, beside?: RuntimeValue): void => {
      dispose(residual, shortcut);
      residual = next;
      shortcut = beside;
    };
    const statistics: HeadNumbers[] = [];
    const routers: RouterRows[] = [];
    const ranking = (wanted.observe && wanted.topKeys) ?? false;
    const observations = added.map(() => emptyObservation(ranking, request.source !== undefined));
    const steps = length === 1 && this.bySteps(start) ? this.steps.feedsOf(start) : undefined;
    const look = (block: BlockSpec, { row, headOutput, cross, routers: values }: Looked): void => {
      if (values) routers.push(routerRows(block.index, values));
      if (picks) {
        const collector = this.collector(block, picks);
        if (row) collector.addRow(start, row);
        statistics.push(collector.numbers());
      }
      const [observation] = observations;
      if (!headOutput || !observation) return;
      observation.headOutputs.push(headOutput);
      observation.mass.push(row ? massOf(row, headsOf(block).heads, groups) : new Float32Array(0));
      if (ranking) observation.top?.push(row ? row.top() : noTop);
      if (cross) observation.cross?.push(cross);
    };
    try {
      for (let layer = 0; layer < model.blocks.length; layer++) {
        const block = model.blocks[layer]!;
        const isServed = (each: BlockSpec): boolean =>
          steps !== undefined && !this.masked(each) && this.steps.serves(each, steps);
        const group = steps && this.steps.togetherFrom(layer, isServed);
        if (steps && group) {
          const left = await this.steps.together(group, steps, await numbersOf(residual), wanted, look);
          if (left) {
            pass(left.out);
            layer += group.length - 1;
            continue;
          }
        }
        if (steps && isServed(block)) {
          const { out, shortcut: left } = await this.steps.alone(
            ...([block, steps, { residual, shortcut }, wanted, start, look] as const),
          );
          pass(out, left);
          continue;
        }
        const directions = await leadingDirections(model, sessions, layer, [this.variant], residual);
        const cross = await CrossRun.of(model, sessions, block, { ...sequencePart(request), ids: added }, 1);
        const { shape: blocks, memory } = blocksOf([this.variant], block, this.cache);
        const session = await sessions.session({
          kind: 'block',
          layer,
          instrumented: true,
          rare: rarePartsIn([this.variant], layer),
          blocks,
        });
        const past = this.keys[layer];
        if (!past) throw new RangeError(`layer ${layer} was not run`);
        const firstKey = past.first();
        const keys = past.length() + length;
        const keyGroups = groupColumns(groups, firstKey, keys);
        const collector = picks ? this.collector(block, picks) : undefined;
        const kept = new KeptOutputs([
          'residual.out',
          ...(block.shortcut === 'leaves' ? ['shortcut.out'] : []),
          ...past.outputs,
        ]);
        const values = await session.run(
          {
            ...blockFeeds(model, block, past, residual, { batch: 1, start, length, sequence: request }),
            ...shortcutFeed(block, shortcut),
            ...interventionFeeds(model, block, {
              variants: [this.variant],
              groups: groups.map(({ name }) => name),
              keyGroups,
              start,
              length,
              directions,
              sources: this.cache.sources.get(layer),
              blocks: memory,
              sequence: request,
            }),
            ...cross?.feeds(),
            ...(block.attention
              ? {
                  ...(collector?.feeds(start, length, firstKey, keys) ??
                    (wanted.observe
                      ? groupMass(keyGroups, range(0, length), length, block.attention.heads)
                      : noStatistics(keys, length))),
                  ...ranked(keys, ranking ? 0 : undefined),
                  selected_heads: int64([], [0]),
                }
              : {}),
          },
          [
            ...kept.names,
            ...past.stateOutputs,
            ...blockOutputsOf(blocks),
            ...(block.attention
              ? [
                  ...(collector ? statisticOutputs : wanted.observe ? ['statistics.mass'] : []),
                  ...(ranking ? topKeyOutputs : []),
                ]
              : []),
            ...(wanted.observe && headsOf(block).heads > 0 ? ['attention.head_output'] : []),
            ...(wanted.observe && cross ? ['cross.probabilities'] : []),
            ...(wanted.routers && isRouted(block.feedForward) ? routerTaps : []),
          ],
          kept,
        );
        pass(
          kept.of('residual.out', values),
          block.shortcut === 'leaves' ? kept.of('shortcut.out', values) : undefined,
        );
        await past.take(values, kept, length);
        takeBlocks(memory, values, length);
        await requireFiniteChunk(residual, start, `Layer ${layer}`);
        if (wanted.routers && isRouted(block.feedForward)) routers.push(routerRows(layer, values));
        if (collector) {
          if (block.attention) collector.add(start, length, firstKey, values);
          statistics.push(collector.numbers());
        }
        if (wanted.observe) {
          const rows = new LayerOutputs(length);
          if (ranking && block.attention) rows.addTop(values, block.attention.heads, 0, length, firstKey);
          observeRows(observations, block, values, {
            mass: collector?.groupSums(),
            groups: groups.length,
            top: rows.top,
          });
        }
      }
      const head = await sessions.session({ kind: 'head' });
      const last = await rowsOfChunk(residual, [length - 1]);
      const { logits } = await head.run({ residual: last }, ['logits']).finally(() => dispose(last));
      if (!(logits?.data instanceof Float32Array)) throw new RangeError('the model has no language head');
      return {
        logits: logits.data,
        observations: wanted.observe ? observations : [],
        ...(wanted.statistics ? { statistics } : {}),
        ...(wanted.routers ? { routers } : {}),
      };
    } finally {
      dispose(residual, shortcut);
    }
  }

  /** Gives back what lies on a device; the sequence cannot go on afterwards. What nobody holds any more is given back too. */
  dispose(): void {
    for (const keys of this.keys) keys.dispose();
  }

  private bySteps(start: number): boolean {
    const { model, sessions, variant, cache, request, following } = this;
    if (following) return following === 'caches';
    if (!mayStep(model, sessions, { ...request, variant }, start)) return false;
    const opening = 2 * seconds.openedByte * sessions.stepsToOpen();
    if (request.stepsAtOnce || this.lost >= opening) {
      // Where rows go through the blocks in between, steps are to pay again each time that they are opened.
      if (opening > 0) this.lost = 0;
      return true;
    }
    this.lost += seconds.row * model.blocks.length + seconds.cachedByte * cache.bytes().used;
    return false;
  }

  /** Whether a plan for the layer is followed by masks. */
  private masked(block: BlockSpec): boolean {
    const plan = this.following && layerPlanOf(this.variant, block);
    return plan !== undefined && (this.following === 'masks' || !heldByHeads(plan, block));
  }

  private collector({ attention }: BlockSpec, picks: PickTable): StatisticsCollector {
    const window = attention && windowOf(attention, this.request, this.model.marks);
    return new StatisticsCollector(attention?.heads ?? 0, picks, this.groups, undefined, 0, window);
  }
}

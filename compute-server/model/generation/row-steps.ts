/** One new row through step graphs: of a layer, or of layers in a row that are one session. */
import {
  changesStepStream,
  changeStepStream,
  movesProbabilities,
  type Variant,
} from '../../../models/instrument/changes/changes';
import { headsOf } from '../../../models/architectures/block-heads';
import { rowWidth } from '../../../models/architectures/carried-rows';
import { sharedName } from '../../../models/architectures/step-graph';
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import { isRouted } from '../../../models/architectures/network-spec';
import { routerTaps } from '../../../models/instrument/taps';
import type { RuntimeArray, RuntimeValue, RuntimeValues } from '../../runtime/values';
import type { AttentionSpec } from '../../../models/architectures/attention-spec';
import type { HeadCache } from '../run/cache/head-cache';
import type { KeyValueCache } from '../run/cache/key-value-cache';
import { layerPlanOf, readsMeans } from '../run/cache/layer-plan';
import { crossFeeds, sourceKeys, sourceOf } from '../run/cross/source-keys';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { numbersOf, requireFinite, shortcutFeed } from '../run/graphs/run-stream';
import { floats } from '../run/graphs/runtime-arrays';
import { stateOutputs, statesIn } from '../run/stream/layer-feeds';
import { StepColumns } from '../run/stream/step-columns';
import { StepFeeds } from '../run/stream/step-feeds';
import { rowOutputs, StepRow } from '../run/stream/step-row';
import type { SequenceRunRequest } from './sequence-run-request';

/** What is asked of the rows that go on. */
export interface Looks {
  readonly observe?: boolean;
  readonly topKeys?: boolean;
  readonly statistics?: boolean;
  readonly routers?: boolean;
}

/** What a step of a layer shows to those who look. A layer without attention has no row. */
export interface Looked {
  readonly row: StepRow | undefined;
  readonly headOutput?: Float32Array | undefined;
  readonly cross?: Float32Array | undefined;
  readonly routers?: RuntimeValues | undefined;
}

interface Entering {
  readonly residual: RuntimeValue;
  readonly shortcut: RuntimeValue | undefined;
}

export interface Left {
  readonly out: RuntimeArray;
  readonly shortcut?: RuntimeArray;
}

export class RowSteps {
  private readonly columns: StepColumns;
  /** Whether each key/value head has a cache of its own, as under a plan. */
  private readonly apart: boolean;

  constructor(
    private readonly model: ModelSpec,
    private readonly sessions: LayerSessions,
    private readonly cache: KeyValueCache,
    private readonly request: SequenceRunRequest,
    private readonly variant: Variant,
  ) {
    this.apart = model.blocks.some((block) => layerPlanOf(variant, block) !== undefined);
    this.columns = new StepColumns(model, variant, this.apart);
  }

  /** What the steps of a row of the sequence take. */
  feedsOf(start: number): StepFeeds {
    const { model, request: sequence, variant } = this;
    return new StepFeeds(model, { start, sequence, variant }, this.apart);
  }

  /** Whether the graphs of steps compute a layer; else those of the blocks do. */
  serves(block: BlockSpec, feeds: StepFeeds): boolean {
    return !feeds.readsNothing(block, this.cache);
  }

  /** The blocks from `layer` on that are one session, if all of them are run as they are. */
  togetherFrom(layer: number, isServed: (block: BlockSpec) => boolean): readonly BlockSpec[] | undefined {
    const piece = this.sessions.stepsFrom(layer);
    if (!piece || piece.count === 1) return undefined;
    const blocks = this.model.blocks.slice(piece.first, piece.first + piece.count);
    const areAlone = blocks.some(
      (block) =>
        !isServed(block) ||
        readsMeans(layerPlanOf(this.variant, block)) ||
        this.columns.kinds(block).length > 0 ||
        changesStepStream(this.variant, block.index),
    );
    return areAlone ? undefined : blocks;
  }

  /** Undefined if what left the last of them is not finite: layer by layer it is found out where that began. */
  async together(
    blocks: readonly BlockSpec[],
    feeds: StepFeeds,
    residual: Float32Array,
    wanted: Looks,
    look: (block: BlockSpec, looked: Looked) => void,
  ): Promise<Left | undefined> {
    const { index: first = 0 } = blocks[0] ?? {};
    const { apart } = this;
    const session = await this.sessions.session({ kind: 'steps', first, count: blocks.length, apart });
    const all: Record<string, RuntimeArray> = {};
    for (const block of blocks) {
      for (const [name, value] of Object.entries(feeds.of(block, this.cache, residual)))
        all[name === 'residual' ? name : (sharedName(block, name) ?? `${block.index}/${name}`)] = value;
    }
    const outputs = blocks.flatMap((block) => this.outputs(block, wanted).map((name) => `${block.index}/${name}`));
    const values = await session.run(all, [...outputs, 'residual.out']);
    const out = floats(values, 'residual.out');
    if (!out.every(Number.isFinite)) return undefined;
    const layers = new Map<number, Record<string, RuntimeArray>>();
    for (const { index } of blocks) layers.set(index, {});
    for (const [name, value] of Object.entries(values)) {
      const slash = name.indexOf('/');
      const own = layers.get(Number(name.slice(0, slash)));
      if (own) own[name.slice(slash + 1)] = value;
    }
    for (const block of blocks) this.take(block, layers.get(block.index) ?? {}, wanted, look);
    return { out: chunk(out) };
  }

  async alone(
    block: BlockSpec,
    feeds: StepFeeds,
    entering: Entering,
    wanted: Looks,
    /** The new row. */
    row: number,
    look: (block: BlockSpec, looked: Looked) => void,
  ): Promise<Left> {
    const { index: layer } = block;
    const cross = block.cross && (await sourceKeys(this.model, this.sessions, block, sourceOf(this.request)));
    const means = readsMeans(layerPlanOf(this.variant, block));
    const changes = this.columns.kinds(block);
    const { apart } = this;
    const session = await this.sessions.session({ kind: 'step', layer, apart, ...(means ? { means } : {}), changes });
    const { residual, shortcut } = entering;
    const plain = {
      ...feeds.of(block, this.cache, await numbersOf(residual), means),
      ...shortcutFeed(block, shortcut && rowOfStep(await numbersOf(shortcut))),
    };
    const leaves = block.shortcut === 'leaves';
    const values = await session.run({ ...plain, ...crossFeeds(cross), ...this.columns.feeds(block, this.cache) }, [
      'residual.out',
      ...(leaves ? ['shortcut.out'] : []),
      ...this.outputs(block, wanted),
    ]);
    const out = floats(values, 'residual.out');
    changeStepStream(this.variant, layer, out, row);
    requireFinite(out, rowWidth(this.model), 1, row, `Layer ${layer}`);
    this.take(block, values, wanted, look);
    return { out: chunk(out), ...(leaves ? { shortcut: chunk(floats(values, 'shortcut.out')) } : {}) };
  }

  private outputs(block: BlockSpec, { observe = false, statistics = false, routers = false }: Looks): string[] {
    const { attention } = block;
    const moved = movesProbabilities(this.columns.kinds(block));
    return [
      ...(attention ? ['new_key', 'new_value'] : []),
      ...stateOutputs(block),
      ...(observe && headsOf(block).heads > 0 ? ['head_output'] : []),
      ...(observe && block.cross ? ['cross.probabilities'] : []),
      ...(attention && (observe || statistics)
        ? rowOutputs(this.apart ? attention.kvHeads : undefined, statistics && !moved)
        : []),
      ...(routers && isRouted(block.feedForward) ? routerTaps : []),
    ];
  }

  /** By key/value head. */
  private caches({ kvHeads }: AttentionSpec, layer: number): readonly HeadCache[] {
    return this.apart ? this.cache.heads(layer) : new Array<HeadCache>(kvHeads).fill(this.cache.rows(layer));
  }

  /** Shows what a layer gave, and keeps its row. */
  private take(
    block: BlockSpec,
    values: RuntimeValues,
    { observe = false, statistics = false, routers = false }: Looks,
    look: (block: BlockSpec, looked: Looked) => void,
  ): void {
    const { index: layer, attention } = block;
    const looks = observe || statistics;
    if (looks || (routers && isRouted(block.feedForward))) {
      const means = readsMeans(layerPlanOf(this.variant, block));
      const moved = movesProbabilities(this.columns.kinds(block));
      const { apart } = this;
      const row =
        looks && attention
          ? new StepRow(
              attention.heads,
              this.caches(attention, layer),
              this.cache.first(layer),
              values,
              apart,
              means,
              moved,
            )
          : undefined;
      look(block, {
        row,
        ...(observe ? { headOutput: values['head_output'] ? floats(values, 'head_output') : new Float32Array(0) } : {}),
        ...(observe && block.cross ? { cross: floats(values, 'cross.probabilities') } : {}),
        ...(routers && isRouted(block.feedForward) ? { routers: values } : {}),
      });
    }
    if (block.state) this.cache.states.set(layer, statesIn(block, values));
    if (attention) this.cache.append(layer, floats(values, 'new_key'), floats(values, 'new_value'));
    else this.cache.pass(layer, 1);
    if (attention?.window !== undefined) this.cache.trim(layer, attention.window - 1);
  }
}

const chunk = (data: Float32Array): RuntimeArray => ({ data, shape: [1, 1, data.length] });

const rowOfStep = (data: Float32Array): RuntimeArray => ({ data, shape: [1, data.length] });

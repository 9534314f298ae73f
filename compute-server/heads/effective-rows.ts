/**
 * Rows of the effective attention of a recurrence, computed when they are asked for: the rows before them run too, since each reads the
 * state that they leave. Rows that are asked for in order go on from each other.
 */
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { withoutAttention } from '../../models/architectures/block-heads';
import { ModelError, type BlockSpec } from '../../models/architectures/model-spec';
import { readsShape } from '../../models/architectures/states/state-branch';
import { rarePartsIn, type Variant } from '../../models/instrument/changes/changes';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { emptyCache, type LayerStates } from '../model/run/cache/key-value-cache';
import { interventionFeeds } from '../model/run/changes/fed-changes';
import { arrayOf, floats, int64 } from '../model/run/graphs/runtime-arrays';
import { blockFeeds, groupColumns, stateOutputs, statesIn } from '../model/run/stream/layer-feeds';
import type { RuntimeArray } from '../runtime/session';

/** Where the rows before `row` ended. */
interface Reached {
  readonly row: number;
  readonly states: LayerStates;
  readonly reads: RuntimeArray;
}

export class EffectiveRows {
  private reached: Reached;

  constructor(
    private readonly model: LoadedModel,
    private readonly sequence: Sequence,
    private readonly variant: Variant,
    private readonly block: BlockSpec,
    /** The stream that enters the layer, [t, w]. */
    private readonly residual: Float32Array,
    /** Rows computed at once. */
    private readonly band: number,
  ) {
    this.reached = this.beginning();
  }

  /** Rows [start, start + count) over all keys, [count, keys], signed; 0 behind a row. */
  async rows(head: number, start: number, count: number): Promise<Float32Array> {
    const { length } = this.sequence.ids;
    if (this.reached.row > start) this.reached = this.beginning();
    const out = new Float32Array(count * length);
    while (this.reached.row < start + count) {
      const { row } = this.reached;
      // A band ends where the rows begin, so that those behind them can go on from there.
      const end = Math.min(row + this.band, row < start ? start : start + count);
      const selected = await this.run(head, end - row);
      for (let at = Math.max(row, start); at < end; at++)
        out.set(selected.subarray((at - row) * end, (at - row + 1) * end), (at - start) * length);
    }
    return out;
  }

  private beginning(): Reached {
    const { state, index } = this.block;
    const shape = state && readsShape(state);
    if (!shape)
      throw new ModelError(
        `${withoutAttention(this.block) ?? ''} Layer ${index} has no effective attention either: choose another layer.`,
      );
    return { row: 0, states: {}, reads: { data: new Float32Array(0), shape: [1, ...shape, 0] } };
  }

  /** The next `length` rows of a head over the keys up to the last of them. */
  private async run(head: number, length: number): Promise<Float32Array> {
    const { model, block, variant, sequence } = this;
    const { row: start, states, reads } = this.reached;
    const { spec } = model;
    const layer = block.index;
    const session = await model.sessions.session({
      kind: 'block',
      layer,
      instrumented: true,
      rare: rarePartsIn([variant], layer),
      effective: true,
    });
    const cache = emptyCache(spec, 1);
    if (Object.keys(states).length > 0) cache.states.set(layer, states);
    const { groups = [] } = sequence;
    const rows = this.residual.subarray(start * spec.hiddenSize, (start + length) * spec.hiddenSize);
    const values = await session.run(
      {
        ...blockFeeds(spec, block, cache, rows, { batch: 1, start, length, sequence }),
        ...interventionFeeds(spec, block, {
          variants: [variant],
          groups: groups.map(({ name }) => name),
          keyGroups: groupColumns(groups, 0, start + length),
          start,
          length,
          sequence,
        }),
        past_reads: reads,
        selected_heads: int64([head], [1]),
      },
      ['attention.selected', 'reads', ...stateOutputs(block)],
    );
    this.reached = { row: start + length, states: statesIn(block, values), reads: arrayOf(values, 'reads') };
    return floats(values, 'attention.selected');
  }
}

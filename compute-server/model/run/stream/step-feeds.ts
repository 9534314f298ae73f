/** What the step graphs of one new row take, layer by layer; and which runs they serve. */
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { maskedScore } from '../../../../models/instrument/attention';
import { rowsOf } from '../../../../models/instrument/interventions/replacement';
import type { RuntimeArray } from '../../../runtime/session';
import { chunkTables } from '../graphs/chunk-tables';
import type { HeadCache } from '../cache/head-cache';
import type { Replacement, Variant } from '../changes/interventions';
import type { KeyValueCache } from '../cache/key-value-cache';

/**
 * Whether the step graphs compute a row from `start` on under the variant: they scale heads and make them attend uniformly.
 * A plan is followed by the caches (`heldByHeads`). Emphasised keys and moved attention (`StepMoves`) beside a plan, score biases, group weights, phases, chosen blocks, keys and values of low rank, isolated regions that hold the row, removed suppression and replaced values of such a row need the graph of the block.
 */
export function servedBySteps(model: ModelSpec, variant: Variant, start: number): boolean {
  const {
    scoreBiases = [],
    groupWeights = [],
    phases = [],
    isolations = [],
    emphases = [],
    redistributions = [],
    blocks = [],
    replacements = [],
    unsuppressed = [],
    routings = [],
    unitGains = [],
    mixtures = [],
    lowRanks = [],
  } = variant;
  return (
    mixtures.length === 0 &&
    lowRanks.length === 0 &&
    scoreBiases.length === 0 &&
    groupWeights.length === 0 &&
    phases.length === 0 &&
    (variant.plan === undefined || emphases.length + redistributions.length === 0) &&
    blocks.length === 0 &&
    unsuppressed.length === 0 &&
    routings.length === 0 &&
    unitGains.length === 0 &&
    !isolations.some(({ regions }) => regions.some((rows) => rows.some((row) => row >= start))) &&
    !replacements.some((replacement) => reaches(model, replacement, start))
  );
}

/** Whether a replacement acts on rows from `start` on, as it may where it comes from a longer prompt. */
function reaches(model: ModelSpec, { layer, target, data, everywhere }: Replacement, start: number): boolean {
  const block = model.blocks[layer];
  if (everywhere || !block) return everywhere ?? false;
  return data.length > start * rowsOf(target, { ...block.attention, hiddenSize: model.hiddenSize }).width;
}

/** What the cache of each head has dropped, as one row; heads that dropped nothing, or do not read it, get a row of no weight. */
function meanFeeds(heads: readonly HeadCache[], width: number): Record<string, RuntimeArray> {
  const [key, value] = [new Float32Array(heads.length * width), new Float32Array(heads.length * width)];
  const weight = new Float32Array(heads.length).fill(maskedScore);
  for (const [g, { mean }] of heads.entries()) {
    if (!mean || mean.count === 0) continue;
    const means = mean.means();
    key.set(means.key, g * width);
    value.set(means.value, g * width);
    weight[g] = Math.log(mean.count);
  }
  const rows = (data: Float32Array): RuntimeArray => ({ data, shape: [heads.length, 1, data.length / heads.length] });
  return { mean_key: rows(key), mean_value: rows(value), mean_weight: rows(weight) };
}

export class StepFeeds {
  private readonly tables = new Map<number, Record<string, RuntimeArray>>();
  private readonly position: number;

  constructor(
    private readonly model: ModelSpec,
    private readonly row: {
      /** The new row. */
      readonly start: number;
      readonly sequence: Pick<Sequence, 'ids' | 'positions'>;
      readonly variant: Variant;
    },
  ) {
    this.position = positionAt(row.sequence, row.start);
  }

  /** Forgets the keys of a window layer that the new row does not read: a step graph has no mask. */
  of(block: BlockSpec, cache: KeyValueCache, residual: Float32Array, means = false): Record<string, RuntimeArray> {
    const { index: layer, attention } = block;
    if (attention.window !== undefined) cache.trim(layer, this.readable(layer, attention.window, cache));
    const feeds: Record<string, RuntimeArray> = {
      residual: { data: residual, shape: [1, residual.length] },
      ...this.heads(block),
      ...(attention.rope === undefined ? {} : this.angles(attention.rope)),
    };
    for (const [g, head] of cache.heads(layer).entries()) {
      feeds[`key.${g}`] = head.key;
      feeds[`value.${g}`] = head.value;
    }
    if (means) Object.assign(feeds, meanFeeds(cache.heads(layer), attention.headDim));
    return feeds;
  }

  /** Keys held whose positions are inside the window. */
  private readable(layer: number, window: number, cache: KeyValueCache): number {
    const [first, length] = [cache.first(layer), cache.length(layer)];
    let gone = 0;
    while (gone < length && positionAt(this.row.sequence, first + gone) <= this.position - window) gone++;
    return length - gone;
  }

  private heads({ index, attention: { heads, scale } }: BlockSpec): Record<string, RuntimeArray> {
    const gain = new Float32Array(heads).fill(1);
    const factor = new Float32Array(heads).fill(scale);
    const { gains = [], uniform = [] } = this.row.variant;
    for (const change of gains) if (change.layer === index) gain[change.head] = (gain[change.head] ?? 1) * change.gain;
    for (const { layer, head } of uniform) if (layer === index) factor[head] = 0;
    return { head_gain: { data: gain, shape: [heads, 1] }, query_factor: { data: factor, shape: [heads, 1] } };
  }

  private angles(index: number): Record<string, RuntimeArray> {
    const known = this.tables.get(index);
    const rope = this.model.ropes[index];
    if (known || !rope) return known ?? {};
    const run = { start: this.row.start, length: 1, sequence: this.row.sequence };
    const { cos, sin } = chunkTables(rope, this.model, run, [this.position]);
    const shape = [1, rope.dimensions / 2];
    const made = { rope_cos: { data: cos, shape }, rope_sin: { data: sin, shape } };
    this.tables.set(index, made);
    return made;
  }
}

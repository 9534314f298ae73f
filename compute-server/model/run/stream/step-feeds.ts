/** What the step graphs of one new row take, layer by layer. */
import type { Variant } from '../../../../models/instrument/changes/changes';
import { layerSizes } from '../../../../models/architectures/layer-sizes';
import { stepFeeds } from '../../../../models/instrument/changes/changes';
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { stateFeeds } from './layer-feeds';
import { maskedScore } from '../../../../models/instrument/attention';
import type { RuntimeArray } from '../../../runtime/session';
import { chunkTables } from '../graphs/chunk-tables';
import type { HeadCache } from '../cache/head-cache';
import type { KeyValueCache } from '../cache/key-value-cache';

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
    /** Each key/value head has a cache of its own. */
    private readonly apart = false,
  ) {
    this.position = positionAt(row.sequence, row.start);
  }

  /** Whether the new row reads no earlier one. A product of no rows would end the process (onnxruntime 1.30, SIGFPE). */
  readsNothing(block: BlockSpec, cache: KeyValueCache): boolean {
    if (this.apart || !block.attention) return false;
    this.forget(block, cache);
    return cache.length(block.index) === 0;
  }

  /** Forgets the keys of a window layer that the new row does not read: a step graph has no mask. */
  private forget(block: BlockSpec, cache: KeyValueCache): void {
    const window = block.attention?.window;
    if (window !== undefined) cache.trim(block.index, this.readable(block, window, cache));
  }

  of(block: BlockSpec, cache: KeyValueCache, residual: Float32Array, means = false): Record<string, RuntimeArray> {
    const { index: layer, attention } = block;
    this.forget(block, cache);
    const feeds: Record<string, RuntimeArray> = {
      residual: { data: residual, shape: [1, residual.length] },
      ...(attention || block.state
        ? this.tempered(block, stepFeeds(this.row.variant, layerSizes(this.model, block), this.row.start))
        : {}),
      ...(attention?.rope === undefined ? {} : this.angles(attention.rope)),
      ...stateFeeds(block, cache.states.get(layer)),
    };
    if (!attention) return feeds;
    if (!this.apart) {
      const { key, value, length } = cache.rows(layer);
      const shape = [length, attention.kvHeads, attention.headDim];
      return Object.assign(feeds, { key: { ...key, shape }, value: { ...value, shape } });
    }
    for (const [g, head] of cache.heads(layer).entries()) {
      feeds[`key.${g}`] = head.key;
      feeds[`value.${g}`] = head.value;
    }
    if (means) Object.assign(feeds, meanFeeds(cache.heads(layer), attention.headDim));
    return feeds;
  }

  /** Queries that are scaled by their position have the factor beside that on their products. */
  private tempered({ attention }: BlockSpec, feeds: Record<string, RuntimeArray>): Record<string, RuntimeArray> {
    const tempered = attention?.tempered;
    const factor = feeds['query_factor'];
    if (!tempered || !factor) return feeds;
    const { by, every, from } = tempered;
    const own = 1 + by * Math.log1p(Math.floor((this.position + from) / every));
    const data = Float32Array.from([...factor.data].map((each) => Number(each) * own));
    return { ...feeds, query_factor: { ...factor, data } };
  }

  /** Keys held whose positions are inside the window. */
  private readable({ index: layer, attention }: BlockSpec, window: number, cache: KeyValueCache): number {
    const behind = attention?.chunked ? this.position - (this.position % window) - 1 : this.position - window;
    const [first, length] = [cache.first(layer), cache.length(layer)];
    let gone = 0;
    while (gone < length && positionAt(this.row.sequence, first + gone) <= behind) gone++;
    return length - gone;
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

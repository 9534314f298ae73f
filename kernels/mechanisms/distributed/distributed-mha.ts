import { pairFlops, tensorBytes } from '../../cost/attention';
import { attentionGraph } from '../../graph/attention-graph';
import { concat, gatherRange } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import type { Mechanism } from '../../mechanism';
import { denseDefinition, denseReads } from '../../reference/pattern';
import { allRows, softmaxRows } from '../../reference/softmax';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { partialInTiles, tilesOf, workIn, type Partial } from './partial';
import { lengthOf, shardsOf, stepsOf, type Grid, type Range, type Shard } from './partition';
import * as field from '../../parameters';

export interface DistributedParameters extends Record<string, number | string | boolean> {
  readonly headWorkers: number;
  readonly sequenceWorkers: number;
  readonly schedule: string;
  readonly balanced: boolean;
  readonly rows: number;
  readonly block: number;
}

export const gridOf = (parameters: DistributedParameters): Grid => ({
  headWorkers: parameters.headWorkers,
  sequenceWorkers: parameters.sequenceWorkers,
  schedule: parameters.schedule === 'ring' ? 'ring' : 'gather',
  balanced: parameters.balanced,
});

/** The shape that a worker sees: its heads, all positions. */
export const shapeOfShard = (shape: AttentionShape, { heads, kvHeads }: Shard): AttentionShape => ({
  ...shape,
  heads: heads.end - heads.start,
  kvHeads: kvHeads.end - kvHeads.start,
});

/**
 * Exact attention split over a grid of workers by heads and positions. The graph of the catalogue computes all pieces one after
 * another in one session; `headscope distributed` runs the same pieces in processes of their own (compute-server/shards).
 */
export const distributedMha: Mechanism<DistributedParameters> = {
  id: 'distributed-mha',
  title: 'Distributed multi-head',
  family: 'distributed',
  summary:
    'Exact softmax attention split over workers by heads and parts of the sequence; each attends to the keys that it holds, and partial outputs are joined by the logarithms of their softmax sums. It pays where workers have cores or devices of their own: here the pieces run one after another, in little memory.',
  source: {
    reference: 'arXiv:2302.06218 (distributed multi-head attention); merge as in arXiv:2310.01889, section 3',
    trust: 'low',
    note: 'The text of the paper does not settle its partition: the grid of heads and sequence, ring and gather, and the zigzag balance are our choice. The exactness of the merge does not depend on it.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'all that came before, part by part', chosen: 'beforehand' },
    normaliser: { words: 'softmax of each part, parts joined by their log-sums', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions, each with its worker', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'keys and values of the other parts: (p - 1) / p n (d + e) numbers a head',
    },
  },
  parameters: {
    headWorkers: field.integer(
      'Workers along heads',
      'Parts into which the key/value heads are split; a head is never split.',
      { min: 1, max: 256, default: 2 },
    ),
    sequenceWorkers: field.integer('Workers along the sequence', 'Parts into which queries and keys are split.', {
      min: 1,
      max: 64,
      default: 2,
    }),
    schedule: field.choice(
      'Schedule',
      'Ring: one part of the keys at a time, handed on. Gather: all parts are collected first.',
      { options: ['ring', 'gather'], default: 'ring' },
    ),
    balanced: field.flag(
      'Balanced',
      'Causal only: each worker owns an early and a late piece of the sequence, so that all have the same work.',
      true,
    ),
    rows: field.integer('Rows of a tile', 'Queries whose scores are in memory at a time, for each head.', {
      min: 1,
      max: 8192,
      default: 128,
    }),
    block: field.integer('Keys of a block', 'Keys of one partial softmax.', { min: 1, max: 65536, default: 1024 }),
  },
  layout: 'heads-first',
  exponent: 2,
  supports: ({ kvHeads }, { headWorkers }) =>
    headWorkers <= kvHeads
      ? { ok: true }
      : {
          ok: false,
          why: `A call with ${kvHeads} key/value heads cannot be split over ${headWorkers} workers without copying keys: choose at most ${kvHeads} workers along heads.`,
        },
  reference: (inputs, shape) => softmaxRows(inputs, shape, allRows(shape), denseDefinition(shape)),
  referenceRows: (inputs, shape, _parameters, rows) => softmaxRows(inputs, shape, rows, denseDefinition(shape)),
  build: (full, parameters, precision) =>
    attentionGraph('distributed-mha', full, precision, 'heads-first', ({ query, key, value }, shape) =>
      inOneGraph(query, key, value, shape, parameters),
    ),
  cost(full, parameters) {
    const blind = isCausalSelf(full) ? Math.max(0, full.queries - full.keys) : 0;
    const shape = { ...full, queries: full.queries - blind };
    const work = workOf(shape, parameters);
    const outputs = 4 * shape.batch * shape.heads * shape.queries * (shape.valueDim + 1);
    const scores = 4 * shape.batch * shape.heads * work.largest;
    return {
      // Joining a part to the others: a product and a sum for each number of its output.
      flops: pairFlops(shape, work.pairs) + 2 * shape.batch * shape.heads * work.parts * (shape.valueDim + 4),
      bytes: tensorBytes(full) * 2 + 4 * 4 * shape.batch * shape.heads * work.pairs + 3 * outputs * work.steps,
      peakBytes: 2 * tensorBytes(full) + 2 * outputs + 2 * scores,
    };
  },
  pattern(shape, parameters) {
    const { rows, block, sequenceWorkers } = parameters;
    const grid = gridOf(parameters);
    return {
      dependsOnData: false,
      reads: denseReads(shape),
      ...(isCausalSelf(shape) || sequenceWorkers > 1 ? { block: { queries: rows, keys: block } } : {}),
      workerPieces: (head) => {
        const shards = shardsOf(shape, grid);
        return shards
          .filter(({ heads }) => heads.start <= head && head < heads.end)
          .flatMap((shard) =>
            stepsOf(shards, shard, grid).map(({ keys }, step) => ({
              worker: shard.worker,
              step,
              queries: shard.rows,
              keys,
            })),
          );
      },
    };
  },
  limits: [
    { name: 'any grid', parameters: () => ({}), equals: 'scaled-dot-product' },
    {
      name: 'one worker',
      parameters: ({ keys }) => ({ headWorkers: 1, sequenceWorkers: 1, block: Math.min(65536, keys) }),
      equals: 'scaled-dot-product',
    },
  ],
};

/** Pairs of one head that the tiles compute, rows times the parts that are joined, steps, and the largest tile of scores. */
function workOf(shape: AttentionShape, parameters: DistributedParameters) {
  const grid = gridOf(parameters);
  const shards = shardsOf(shape, { ...grid, headWorkers: 1 });
  let [pairs, parts, largest] = [0, 0, 0];
  for (const shard of shards) {
    for (const { keys } of stepsOf(shards, shard, { ...grid, headWorkers: 1 })) {
      const work = workIn(shape, shard.rows, keys, parameters);
      pairs += work.pairs;
      parts += work.parts;
      largest = Math.max(largest, work.largest);
    }
  }
  return { pairs, parts, largest, steps: grid.schedule === 'ring' ? grid.sequenceWorkers : 1 };
}

function inOneGraph(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  parameters: DistributedParameters,
): Value {
  const grid = gridOf(parameters);
  const shards = shardsOf(shape, grid);
  const kept = new Map<string, Value>();
  /** Heads and positions of one tensor, cut once for all that ask. */
  const part = (name: string, x: Value, heads: Range, ranges: readonly Range[]): Value => {
    const called = `${name} ${JSON.stringify([heads, ranges])}`;
    const known = kept.get(called);
    if (known) return known;
    const own = gatherRange(x, 1, heads.start, heads.end);
    const made = joinedRanges(own, ranges);
    kept.set(called, made);
    return made;
  };
  const heads = Array.from({ length: grid.headWorkers }, (_, a) => {
    const pieces: { readonly start: number; readonly value: Value }[] = [];
    for (const shard of shards.slice(a * grid.sequenceWorkers, (a + 1) * grid.sequenceWorkers)) {
      if (lengthOf(shard.rows) === 0) continue;
      const output = outputOf(shard);
      let at = 0;
      for (const { start, end } of shard.rows) {
        pieces.push({ start, value: shard.rows.length === 1 ? output : gatherRange(output, 2, at, at + end - start) });
        at += end - start;
      }
    }
    return concat(
      pieces.sort((x, y) => x.start - y.start).map(({ value: piece }) => piece),
      2,
    );
  });
  return concat(heads, 1);

  function outputOf(shard: Shard): Value {
    const own = shapeOfShard(shape, shard);
    const steps = stepsOf(shards, shard, grid).filter(({ keys }) =>
      tilesOf(own, shard.rows, keys, parameters).some(({ reads }) => reads.length > 0),
    );
    let carried: Partial | undefined;
    steps.forEach(({ keys }, index) => {
      const tensors = {
        query: part('query', query, shard.heads, shard.rows),
        key: part('key', key, shard.kvHeads, keys),
        value: part('value', value, shard.kvHeads, keys),
      };
      carried = partialInTiles(
        tensors,
        own,
        { rows: shard.rows, keys },
        parameters,
        carried,
        index === steps.length - 1,
      );
    });
    // Every query that is left by the frame reads a key, so some step computes.
    return carried!.output;
  }
}

const joinedRanges = (x: Value, ranges: readonly Range[]): Value =>
  concat(
    ranges.map(({ start, end }) => gatherRange(x, 2, start, end)),
    2,
  );

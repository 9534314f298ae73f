import assert from 'node:assert/strict';
import { distributedMha, gridOf, shapeOfShard } from '../../../../kernels/mechanisms/distributed/distributed-mha';
import { stepGraph, tilesOf, workIn } from '../../../../kernels/mechanisms/distributed/partial';
import {
  lengthOf,
  pairsIn,
  passedNumbers,
  shardsOf,
  stepsOf,
  type Grid,
} from '../../../../kernels/mechanisms/distributed/partition';
import { distributedReference, joinPartials, partialRow } from '../../../../kernels/mechanisms/distributed/reference';
import { predictSharded, workerCosts } from '../../../../kernels/mechanisms/distributed/scaling';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { mergePartials } from '../../../../kernels/reference/merge';
import { drawInputs } from '../../../../kernels/inputs';
import { tensor } from '../../../../kernels/tensors/tensor';
import { runGraph } from '../run';
import { assertClose, causalShape, parametersFor, takeHeads, takePositions } from './support';

const grid = (change: Partial<Grid> = {}): Grid => ({
  headWorkers: 2,
  sequenceWorkers: 3,
  schedule: 'ring',
  balanced: false,
  ...change,
});
const parameters = parametersFor(distributedMha, { headWorkers: 1 });
const grids = [1, 2, 4].flatMap((headWorkers) =>
  [1, 2, 3, 5].flatMap((sequenceWorkers) =>
    (['ring', 'gather'] as const).flatMap((schedule) =>
      [false, true].map((balanced) => grid({ headWorkers, sequenceWorkers, schedule, balanced })),
    ),
  ),
);

describe('Distributed multi-head attention (arXiv:2302.06218)', function () {
  this.timeout(60_000);

  for (const pattern of ['causal-self', 'noncausal-self', 'causal-cross'] as const) {
    it(`${pattern}: every grid, schedule and balance equals the plain definition to 1e-12, also lengths that no part divides`, () => {
      const shape = causalShape(23, { pattern, ...(pattern.endsWith('cross') ? { keys: 17 } : {}) });
      const inputs = drawInputs(distributedMha, shape, parameters, 3);
      const expected = distributedMha.reference(inputs, shape, parameters);
      for (const each of grids) {
        assertClose(distributedReference(inputs, shape, each), expected, 1e-12, JSON.stringify(each));
      }
    });
  }

  it('more workers than positions, a cache before the queries and queries that read nothing change nothing', () => {
    for (const change of [
      { queries: 2, keys: 3 },
      { queries: 1, keys: 20 },
      { queries: 9, keys: 5 },
    ]) {
      const shape = causalShape(20, change);
      const inputs = drawInputs(distributedMha, shape, parameters, 4);
      const expected = distributedMha.reference(inputs, shape, parameters);
      assertClose(distributedReference(inputs, shape, grid({ sequenceWorkers: 7, balanced: true })), expected, 1e-12);
    }
  });

  it('one worker gives the softmax itself to 1e-14', () => {
    const shape = causalShape(40);
    const inputs = drawInputs(distributedMha, shape, parameters, 5);
    const one = distributedReference(inputs, shape, grid({ headWorkers: 1, sequenceWorkers: 1 }));
    assertClose(one, distributedMha.reference(inputs, shape, parameters), 1e-14);
  });

  it('the merge is associative and commutative to 1e-12, and an empty part is its identity', () => {
    const shape = causalShape(40, { pattern: 'noncausal-self' });
    const inputs = drawInputs(distributedMha, shape, parameters, 6);
    const part = (start: number, end: number) =>
      partialRow(inputs, shape, { batch: 0, head: 2, row: 7 }, [{ start, end }]);
    const [a, b, c, whole] = [part(0, 9), part(9, 10), part(10, 40), part(0, 40)];
    const empty = part(5, 5);
    assert.equal(empty.logSum, -Infinity);
    const ways = [
      joinPartials(joinPartials(a, b), c),
      joinPartials(a, joinPartials(b, c)),
      joinPartials(joinPartials(c, b), a),
      joinPartials(joinPartials(empty, whole), empty),
    ];
    for (const way of ways) {
      assert.ok(Math.abs(way.logSum - whole.logSum) < 1e-12);
      assertClose(tensor([8], Float64Array.from(way.output)), tensor([8], Float64Array.from(whole.output)), 1e-12);
    }
    assertClose(tensor([8], mergePartials([a, b, c], 8)), tensor([8], Float64Array.from(whole.output)), 1e-12);
    assert.deepEqual(joinPartials(empty, whole), whole);
    const mean = a.output[0]! / 3 + b.output[0]! / 3 + c.output[0]! / 3;
    assert.ok(Math.abs(mean - whole.output[0]!) > 1e-3, 'parts weigh differently: their plain mean is another number');
  });

  it('the blocks of keys inside a part may have any size and come in any order, to 1e-12', () => {
    for (const change of [{}, { pattern: 'noncausal-self' as const }]) {
      const shape = causalShape(23, change);
      const inputs = drawInputs(distributedMha, shape, parameters, 9);
      const expected = distributedMha.reference(inputs, shape, parameters);
      for (const each of [grid({ balanced: true }), grid({ schedule: 'gather', sequenceWorkers: 2 })]) {
        const shards = shardsOf(shape, each);
        for (const block of [1, 2, 5, 64]) {
          for (const backwards of [false, true]) {
            const output = tensor(expected.shape, new Float64Array(expected.data.length));
            for (const shard of shards) {
              const blocks = stepsOf(shards, shard, each).flatMap(({ keys }) =>
                keys.flatMap(({ start, end }) =>
                  Array.from({ length: Math.ceil((end - start) / block) }, (_, at) => ({
                    start: start + at * block,
                    end: Math.min(end, start + (at + 1) * block),
                  })),
                ),
              );
              if (backwards) blocks.reverse();
              for (let head = shard.heads.start; head < shard.heads.end; head++) {
                for (const { start, end } of shard.rows) {
                  for (let row = start; row < end; row++) {
                    const joined = blocks
                      .map((range) => partialRow(inputs, shape, { batch: 0, head, row }, [range]))
                      .reduce(joinPartials);
                    output.data.set(joined.output, (head * 23 + row) * 8);
                  }
                }
              }
            }
            assertClose(output, expected, 1e-12, `blocks of ${block}`);
          }
        }
      }
    }
  });

  it('scores of plus and minus 10 000 give numbers, the same as with every score shifted', () => {
    const shape = causalShape(24, { headDim: 8 });
    const drawn = drawInputs(distributedMha, shape, parameters, 7);
    const large = {
      ...drawn,
      query: tensor(
        drawn.query.shape,
        drawn.query.data.map((x) => x * 5e3),
      ),
    };
    const actual = distributedReference(large, shape, grid());
    assert.ok(actual.data.every(Number.isFinite));
    // A vector added to every key shifts all scores of a query by one number.
    const shifted = {
      ...large,
      key: tensor(
        large.key.shape,
        large.key.data.map((x, i) => x + (i % 8 === 3 ? 2 : 0)),
      ),
    };
    assertClose(distributedReference(shifted, shape, grid()), actual, 1e-8);
  });

  it('zigzag gives every worker the same pairs; without it the last has 2 p_s - 1 times the first, in the limit', () => {
    for (const parts of [2, 3, 4]) {
      const shape = causalShape(parts * 200);
      const pairs = (balanced: boolean) => {
        const shards = shardsOf(shape, grid({ headWorkers: 1, sequenceWorkers: parts, balanced }));
        return shards.map((shard) =>
          stepsOf(shards, shard, grid({ headWorkers: 1, sequenceWorkers: parts, balanced })).reduce(
            (sum, { keys }) => sum + pairsIn(shape, shard.rows, keys),
            0,
          ),
        );
      };
      assert.equal(new Set(pairs(true)).size, 1);
      const plain = pairs(false);
      const ratio = plain.at(-1)! / plain[0]!;
      assert.ok(Math.abs(ratio - (2 * parts - 1)) < (2 * parts) / 200, String(ratio));
      assert.equal(
        plain.reduce((sum, each) => sum + each, 0),
        (parts * 200 * (parts * 200 + 1)) / 2,
      );
    }
  });

  it('a worker passes 2 (p_s - 1) (n / p_s) d h / p_h numbers in both schedules', () => {
    const shape = causalShape(24);
    for (const schedule of ['ring', 'gather'] as const) {
      const each = grid({ schedule });
      const shards = shardsOf(shape, each);
      const expected = (2 * 2 * (24 / 3) * shape.headDim * shape.heads) / 2;
      const inputs = drawInputs(distributedMha, shape, parameters, 8);
      distributedReference(inputs, shape, each, (passed) =>
        assert.deepEqual(passed, new Array<number>(6).fill(expected)),
      );
      // What the steps of a worker hold beside its own keys is what was passed to it.
      for (const shard of shards) {
        const held = stepsOf(shards, shard, each).reduce((sum, { keys }) => sum + lengthOf(keys), 0);
        const foreign = (held - lengthOf(shard.keys)) * 2 * (shape.heads / 2) * shape.headDim;
        assert.equal(foreign, expected);
        assert.equal(passedNumbers(shape, shards, shard, each), expected);
      }
    }
  });

  it('the work that the cost model counts is that of the tiles', () => {
    for (const [change, balanced] of [
      [{}, true],
      [{}, false],
      [{ queries: 30 }, true],
      [{ pattern: 'noncausal-self' }, false],
    ] as const) {
      const shape = causalShape(97, change);
      const each = grid({ balanced });
      const shards = shardsOf(shape, each);
      for (const shard of shards) {
        for (const { keys } of stepsOf(shards, shard, each)) {
          const blocks = { rows: 8, block: 10 };
          const computed = tilesOf(shape, shard.rows, keys, blocks).flatMap((tile) =>
            tile.reads.map(({ start, end }) => ({ rows: tile.end - tile.start, keys: end - start })),
          );
          assert.deepEqual(workIn(shape, shard.rows, keys, blocks), {
            pairs: computed.reduce((sum, tile) => sum + tile.rows * tile.keys, 0),
            parts: computed.reduce((sum, tile) => sum + tile.rows, 0),
            largest: computed.reduce((most, tile) => Math.max(most, tile.rows * tile.keys), 0),
          });
        }
      }
    }
  });

  it('memory of one worker grows with exponent 1, that of the plain definition with 2, operations of both with 2', () => {
    const plain = parametersFor(distributedMha, { headWorkers: 1, sequenceWorkers: 1 });
    const slope = (of: (length: number) => number) => Math.log2(of(8192) / of(4096));
    const shape = (length: number) => causalShape(length, { headDim: 64, valueDim: 64 });
    const blocked = (length: number) => distributedMha.cost(shape(length), plain);
    const vanilla = (length: number) => scaledDotProduct.cost(shape(length), {});
    assert.ok(Math.abs(slope((n) => blocked(n).peakBytes) - 1) < 0.1);
    assert.ok(Math.abs(slope((n) => vanilla(n).peakBytes) - 2) < 0.1);
    for (const each of [blocked, vanilla]) assert.ok(Math.abs(slope((n) => each(n).flops) - 2) < 0.05);
  });

  it('predicted scaling: P workers are P times as fast over a free link, and messages add their latency', () => {
    const shape = causalShape(960, { heads: 12, kvHeads: 12 });
    const one = parametersFor(distributedMha, { headWorkers: 1, sequenceWorkers: 1, rows: 4, block: 4 });
    const secondsOf = ({ flops }: { readonly flops: number }) => flops / 1e9;
    const free = { bytesPerSecond: Infinity, latencySeconds: 0 };
    const alone = predictSharded(shape, one, secondsOf, free, true).seconds;
    const costs = workerCosts(shape, one);
    assert.equal(costs.length, 1);
    assert.ok(Math.abs(costs[0]!.flops / distributedMha.cost(shape, one).flops - 1) < 1e-12);
    for (const workers of [2, 3, 4]) {
      for (const split of [
        { headWorkers: workers, sequenceWorkers: 1 },
        { headWorkers: 1, sequenceWorkers: workers, schedule: 'ring' },
        { headWorkers: 1, sequenceWorkers: workers, schedule: 'gather' },
      ]) {
        const parameters = { ...one, ...split };
        const { seconds } = predictSharded(shape, parameters, secondsOf, free, true);
        assert.ok(Math.abs(alone / seconds - workers) < 0.02 * workers, `${JSON.stringify(split)} ${alone / seconds}`);
        const latent = predictSharded(shape, parameters, secondsOf, { ...free, latencySeconds: 1 }, true);
        const messages =
          split.sequenceWorkers === 1 ? 1 : 'schedule' in split && split.schedule === 'ring' ? workers : 2;
        assert.equal(latent.exchangeSeconds, messages);
        const slow = predictSharded(shape, parameters, secondsOf, { bytesPerSecond: 1, latencySeconds: 0 }, false);
        const row = 2 * shape.heads * shape.headDim;
        assert.equal(slow.exchangeSeconds, (4 * row * 960 * (split.sequenceWorkers - 1)) / split.sequenceWorkers);
      }
    }
  });

  it('the graphs of the steps, each in a session of its own and carried from one to the next, give the whole', async () => {
    const shape = causalShape(50, { kvHeads: 2 });
    const small = parametersFor(distributedMha, { headWorkers: 2, sequenceWorkers: 2, rows: 8, block: 10 });
    const inputs = drawInputs(distributedMha, shape, small, 9);
    const expected = distributedMha.reference(inputs, shape, small);
    const each = gridOf(small);
    const shards = shardsOf(shape, each);
    const positions = (ranges: readonly { readonly start: number; readonly end: number }[]) =>
      ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
    for (const shard of shards) {
      const own = shapeOfShard(shape, shard);
      const steps = stepsOf(shards, shard, each);
      let carried: Awaited<ReturnType<typeof runGraph>> | undefined;
      for (const [index, { keys }] of steps.entries()) {
        const last = index === steps.length - 1;
        const graph = stepGraph(own, { rows: shard.rows, keys }, small, 'float32', { carried: index > 0, last });
        carried = await runGraph(graph, {
          query: takePositions(takeHeads(inputs.query, positions([shard.heads])), positions(shard.rows)),
          key: takePositions(takeHeads(inputs.key, positions([shard.kvHeads])), positions(keys)),
          value: takePositions(takeHeads(inputs.value, positions([shard.kvHeads])), positions(keys)),
          ...(carried ? { 'carried.output': carried['output']!, 'carried.logSum': carried['logSum']! } : {}),
        });
      }
      const wanted = takePositions(takeHeads(expected, positions([shard.heads])), positions(shard.rows));
      assertClose(carried!['output']!, wanted, 1e-5, `worker ${shard.worker}`);
    }
  });
});

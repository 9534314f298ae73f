import assert from 'node:assert/strict';
import { longheads, ruleOf, type LongHeadsParameters } from '../../../../kernels/mechanisms/longheads/longheads';
import { chosenChunks, chunkSummary, ordinaryBelow, rotated } from '../../../../kernels/mechanisms/longheads/reference';
import { allRows, softmaxRows } from '../../../../kernels/reference/softmax';
import { drawInputs } from '../../../../kernels/inputs';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions, withKeys } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const given = (change: Partial<LongHeadsParameters>): LongHeadsParameters => parametersFor(longheads, change);
const small = given({ chunk: 4, budget: 16, begin: 0 });
const rule = ruleOf(small);
const length = 64;
const shape = causalShape(length);
const inputs = drawInputs(longheads, shape, small, 1);

/** Every row turned as at its place in `positions`. */
function turnedTensor(x: Tensor, positions: (place: number) => number): Tensor {
  const [, , count = 1, width = 1] = x.shape;
  const data = new Float64Array(x.data.length);
  for (let row = 0; row < x.data.length / width; row++) {
    data.set(rotated(x.data.subarray(row * width, (row + 1) * width), positions(row % count), 10000), row * width);
  }
  return tensor(x.shape, data);
}

const rotaryAttention = (from: AttentionInputs): Tensor =>
  softmaxRows(
    { ...from, query: turnedTensor(from.query, (i) => i), key: turnedTensor(from.key, (i) => i) },
    shape,
    allRows(shape),
    { reads: (_h, i, j) => j <= i },
  );

const row = (x: Tensor, head: number, position: number, width = 8): Float64Array =>
  x.data.subarray((head * length + position) * width, (head * length + position + 1) * width);

const chunkOf = (x: Tensor, head: number, chunk: number, w = 4): readonly Float64Array[] =>
  Array.from({ length: w }, (_, j) => row(x, head, chunk * w + j));

const scoreOf =
  (head: number, position: number, from = inputs) =>
  (chunk: number) => {
    const { key } = chunkSummary(
      chunkOf(from.query, head, chunk),
      chunkOf(from.key, head, chunk),
      chunkOf(from.value, head, chunk),
      10000,
    );
    return key.reduce((sum, number, x) => sum + number * row(from.query, head, position)[x]!, 0);
  };

const chosenBy = (head: number, position: number, from = inputs) =>
  chosenChunks(scoreOf(head, position, from), Math.floor(position / 4), rule)!;

describe('LongHeads: the kernel does what the released code says', () => {
  it('before the beginning it is causal attention with rotary positions', () => {
    assertClose(
      longheads.reference(inputs, shape, given({ chunk: 4, budget: 16, begin: length })),
      rotaryAttention(inputs),
      1e-12,
    );
  });

  it('with as many chunks as the budget holds all are read at their true positions', () => {
    assertClose(
      longheads.reference(inputs, shape, given({ chunk: 4, budget: length, begin: 0 })),
      rotaryAttention(inputs),
      1e-10,
    );
    // Also by way of the choice: with K chunks in all nothing is left to choose.
    for (const chunks of [3, 5, 9]) {
      const all = chosenChunks(() => 0, chunks - 1, { ...rule, chunks });
      assert.deepEqual(all, [...Array(chunks).keys()]);
    }
  });

  it('a chunk’s mean does not depend on where its positions begin; its key does, and not by a rotation', () => {
    const [queries, keys, values] = [inputs.query, inputs.key, inputs.value].map((x) => chunkOf(x, 0, 3));
    const local = chunkSummary(queries!, keys!, values!, 10000);
    const moved = chunkSummary(queries!, keys!, values!, 10000, 37);
    local.mean.forEach((value, x) => assert.ok(Math.abs(value - moved.mean[x]!) < 1e-12));
    const rotatedKey = rotated(local.key, 37, 10000);
    assert.ok(
      local.key.some((value, x) => Math.abs(value - moved.key[x]!) > 1e-3),
      'the key changes',
    );
    assert.ok(
      rotatedKey.some((value, x) => Math.abs(value - moved.key[x]!) > 1e-3),
      'and is no rotation of the other',
    );
  });

  it('chunks are distinct, ascending and never later than the query; the first, the own and the one before are always there', () => {
    for (let position = ordinaryBelow(rule); position < length; position++) {
      for (let head = 0; head < 4; head++) {
        const current = Math.floor(position / 4);
        const chosen = chosenBy(head, position);
        assert.equal(chosen.length, rule.chunks);
        assert.deepEqual(
          chosen,
          [...new Set(chosen)].sort((a, b) => a - b),
        );
        assert.equal(chosen[0], 0);
        assert.deepEqual(chosen.slice(-2), [current - 1, current]);
      }
    }
  });

  it('a query reads (K - 1) w + (i mod w) + 1 keys, and stands at the last of the new positions, below the budget', () => {
    for (let position = ordinaryBelow(rule); position < length; position++) {
      const keys = chosenBy(1, position)
        .flatMap((chunk) => [0, 1, 2, 3].map((j) => chunk * 4 + j))
        .filter((j) => j <= position);
      assert.equal(keys.length, 3 * 4 + (position % 4) + 1);
      assert.ok(keys.length <= small.budget);
      // The whole row, written out with the new positions 0, 1, 2, ...
      const one = softmaxRows(
        {
          query: turnedTensor(takePositions(inputs.query, [position]), () => keys.length - 1),
          key: turnedTensor(takePositions(inputs.key, keys), (at) => at),
          value: takePositions(inputs.value, keys),
          weights: {},
        },
        causalShape(1, { pattern: 'noncausal-cross', keys: keys.length }),
        [0],
      );
      const reference = longheads.referenceRows!(inputs, shape, small, [position]).data.subarray(8, 16);
      reference.forEach((value, x) => assert.ok(Math.abs(value - one.data[8 + x]!) < 1e-12, `${position}`));
    }
  });

  it('without itself a query reads one key less, as the release does in the prefill', () => {
    const without = longheads.reference(inputs, shape, { ...small, selfIncluded: false });
    const value = tensor(inputs.value.shape, inputs.value.data.slice());
    for (let head = 0; head < 4; head++) row(value, head, length - 1).fill(100);
    const other = longheads.reference(withKeys(inputs, { value }), shape, { ...small, selfIncluded: false });
    assert.deepEqual(row(without, 2, length - 1), row(other, 2, length - 1));
    assert.ok(!longheads.pattern(shape, { ...small, selfIncluded: false }).reads(0, 50, 50));
  });

  it('a planted chunk is chosen, and moves with the chunks', () => {
    const position = length - 1;
    const plant = (chunk: number): AttentionInputs => {
      const key = tensor(
        inputs.key.shape,
        inputs.key.data.map((value) => value * 0.01),
      );
      for (let j = chunk * 4; j < chunk * 4 + 4; j++) {
        // The slowest pair of columns hardly turns inside a chunk.
        for (const x of [3, 7]) row(key, 0, j)[x] = 20 * row(inputs.query, 0, position)[x]!;
      }
      return withKeys(inputs, { key });
    };
    for (const chunk of [2, 5, 11]) assert.ok(chosenBy(0, position, plant(chunk)).includes(chunk), `chunk ${chunk}`);
    const order = [...Array(length).keys()].map((j) => {
      const chunk = Math.floor(j / 4);
      return chunk === 5 ? j + 4 * 6 : chunk === 11 ? j - 4 * 6 : j;
    });
    const from = plant(5);
    const moved = {
      ...from,
      query: takePositions(from.query, order),
      key: takePositions(from.key, order),
      value: takePositions(from.value, order),
    };
    const exchange = (chunk: number) => (chunk === 5 ? 11 : chunk === 11 ? 5 : chunk);
    assert.deepEqual(
      chosenBy(0, position, moved),
      chosenBy(0, position, from)
        .map(exchange)
        .sort((a, b) => a - b),
    );
  });

  it('with chunks of one position a summary is the key itself, and the choice is by the product', () => {
    const key = row(inputs.key, 0, 7);
    const summary = chunkSummary([row(inputs.query, 0, 7)], [key], [row(inputs.value, 0, 7)], 10000);
    summary.key.forEach((value, x) => assert.ok(Math.abs(value - key[x]!) < 1e-15));
    const chosen = chosenChunks(
      (j) => row(inputs.key, 0, j).reduce((sum, number, x) => sum + number * row(inputs.query, 0, 40)[x]!, 0),
      40,
      { ...rule, chunk: 1, chunks: 8 },
    )!;
    const products = [...Array(38).keys()].map((at) => {
      const j = at + 1;
      return {
        j,
        score: row(inputs.key, 0, j).reduce((sum, number, x) => sum + number * row(inputs.query, 0, 40)[x]!, 0),
      };
    });
    const best = products
      .sort((a, b) => b.score - a.score)
      .slice(0, 5)
      .map(({ j }) => j);
    assert.deepEqual(chosen, [0, ...best.sort((a, b) => a - b), 39, 40]);
  });

  it('with chunks of one position it is attention over the best keys by the product, at new positions', async () => {
    const single = given({ chunk: 1, budget: 8, begin: 0 });
    const output = longheads.reference(inputs, shape, single);
    for (const [head, position] of [
      [0, 63],
      [2, 40],
      [3, 8],
    ] as const) {
      const query = row(inputs.query, head, position);
      const score = (j: number) => row(inputs.key, head, j).reduce((sum, number, x) => sum + number * query[x]!, 0);
      const middle = [...Array(position - 2).keys()].map((at) => at + 1);
      const best = middle.sort((a, b) => score(b) - score(a)).slice(0, 5);
      const keys = [0, ...best.sort((a, b) => a - b), position - 1, position];
      const turned = rotated(query, keys.length - 1, 10000);
      const weights = keys.map((j, at) => {
        const key = rotated(row(inputs.key, head, j), at, 10000);
        return Math.exp(key.reduce((sum, number, x) => sum + number * turned[x]!, 0) / Math.sqrt(8));
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      row(output, head, position).forEach((value, x) => {
        const expected = keys.reduce((sum, j, at) => sum + (weights[at]! / total) * row(inputs.value, head, j)[x]!, 0);
        assert.ok(Math.abs(value - expected) < 1e-12, `head ${head}, position ${position}`);
      });
    }
    assertClose(await runMechanism(longheads, inputs, shape, single), output, 1e-5);
  });

  it('equal values come out whatever is chosen, in the runtime too', async () => {
    const value = tensor(
      inputs.value.shape,
      inputs.value.data.map((_, at) => (at % 8) - 3),
    );
    const flat = withKeys(inputs, { value });
    const expected = tensor(value.shape, value.data);
    assertClose(longheads.reference(flat, shape, small), expected, 1e-12);
    assertClose(await runMechanism(longheads, flat, shape, small), expected, 1e-5);
  });

  it('the work grows by the power 1 from 4k to 64k positions with a fixed budget', () => {
    const at = (n: number) =>
      longheads.cost(
        { ...causalShape(n), heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 },
        given({ chunk: 64, budget: 1024, begin: 1024 }),
      ).flops;
    const slope = Math.log(at(65536) / at(4096)) / Math.log(16);
    assert.ok(Math.abs(slope - 1) < 0.15, `${slope}`);
  });

  it('says why it cannot decode beyond its budget, nor take odd chunks', () => {
    const why = (change: Partial<typeof shape>, parameters: Partial<LongHeadsParameters>) => {
      const support = longheads.supports(
        { ...shape, ...change },
        given({ chunk: 4, budget: 16, begin: 0, ...parameters }),
      );
      return support.ok ? 'ok' : support.why;
    };
    assert.equal(why({}, {}), 'ok');
    assert.match(why({ queries: 1 }, {}), /Summaries of chunks are made from their queries/);
    assert.equal(why({ queries: 1 }, { begin: length }), 'ok');
    assert.match(why({}, { budget: 18 }), /three or more whole chunks/);
    assert.match(why({ valueDim: 4 }, {}), /used as a query/);
    assert.match(why({ pattern: 'noncausal-cross' }, {}), /causal self-attention only/);
  });
});

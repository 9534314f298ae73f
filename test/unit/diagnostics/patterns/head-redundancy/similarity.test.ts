/** Similarity of maps and what pruning saves, by hand. */
import assert from 'node:assert/strict';
import { bestAlone, pruningOrder, savedShare } from '../../../../../diagnostics/patterns/head-redundancy/pruning';
import { cosines, dealt, meanPair } from '../../../../../diagnostics/patterns/head-redundancy/similarity';

const near = (found: number | undefined, expected: number): void =>
  assert.ok(Math.abs(Number(found) - expected) < 1e-7, `${found}, not ${expected}`);

describe('redundancy of heads', () => {
  // Over four keys: even, one key, another key.
  const rows = (row: readonly number[]): Float32Array => Float32Array.from([...row, ...row, ...row, ...row]);
  const maps = [rows([0.25, 0.25, 0.25, 0.25]), rows([0, 1, 0, 0]), rows([0, 0, 1, 0])];

  it('an even head and one that reads a single key of m are 1 / sqrt(m) alike; two that read other keys not at all', () => {
    const table = cosines(maps);
    for (const head of [0, 1, 2]) near(table[head]![head], 1);
    near(table[0]![1], 1 / 2);
    near(table[1]![0], 1 / 2);
    near(table[1]![2], 0);
    near(meanPair(table), (1 / 2 + 1 / 2 + 0) / 3);
    assert.ok(Number.isNaN(meanPair([[1]])));
  });

  it('dealt to other keys a row keeps its weights, and no key that it does not read gets one', () => {
    const causal = Float32Array.of(1, 0, 0, 0.3, 0.7, 0, 0.1, 0.2, 0.7);
    const [found] = dealt([causal], 3, (row) => [0, row + 1], 4);
    assert.ok(found);
    for (const row of [0, 1, 2]) {
      const part = (map: Float32Array): number[] => [...map.slice(row * 3, row * 3 + 3)];
      assert.deepEqual(part(found).sort(), part(causal).sort());
      assert.ok(
        part(found)
          .slice(row + 1)
          .every((weight) => weight === 0),
      );
    }
    // Even heads are alike whatever keys they read.
    near(
      meanPair(
        cosines(
          [maps[0]!, maps[0]!],
          dealt([maps[0]!, maps[0]!], 4, () => [0, 4], 1),
        ),
      ),
      1,
    );
  });

  it('the plan takes what changes least and leaves a head in every layer', () => {
    const order = pruningOrder([
      [0.3, 0.1],
      [0.2, 0.05, 0.4],
    ]);
    assert.deepEqual(
      order.map(({ layer, head }) => `${layer}.${head}`),
      ['1.1', '0.1', '1.0'],
    );
    assert.deepEqual(
      bestAlone([
        [0.3, 0.1],
        [0.2, 0.05, 0.05],
      ]),
      [1, 1],
    );
  });

  it('what is saved, by hand: two layers of width 8, heads of 4, four query heads on two key/value heads, 10 keys', () => {
    const block = { heads: 4, kvHeads: 2, headDim: 4, causal: true };
    const facts = { blocks: [block, block], hiddenSize: 8 };
    // A query head: 8 x 4 for queries, as many for the output, 10 x 4 scores and sums each. A key/value head: 2 x 8 x 4.
    const [query, shared] = [64 + 80, 64];
    const whole = 2 * (4 * query + 2 * shared);
    const share = (...heads: readonly number[]): number =>
      savedShare(
        facts,
        10,
        heads.map((head) => ({ layer: 1, head })),
      );
    near(share(0), query / whole);
    near(share(0, 2), (2 * query) / whole);
    near(share(2, 3), (2 * query + shared) / whole);
  });
});

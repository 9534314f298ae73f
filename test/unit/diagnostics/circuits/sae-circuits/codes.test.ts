import assert from 'node:assert/strict';
import { edgeScores, nodeScore, pairCounts } from '../../../../../diagnostics/circuits/sae-circuits/codes';
import { numbersText } from '../../../../../diagnostics/circuits/sae-circuits/scores';
import { random } from '../../../../../kernels/tensors/random';

const codes = (...numbers: number[]): Int32Array => Int32Array.from(numbers);

describe('codes that only prompts have', () => {
  it('counts of hand-made codes', () => {
    // Prompts 1, 1, 2; counterparts 2, 3, 3.
    const one = codes(1, 1, 2, 2, 3, 3);
    assert.equal(nodeScore(one, false), 1);
    assert.equal(nodeScore(one, true), 1 / 3);
    // Pairs of prompts: (1, 0), (1, 4), (2, 0); of counterparts: (2, 0), (3, 4), (3, 0).
    assert.deepEqual([...pairCounts([one, codes(0, 4, 0, 0, 4, 0)], 5)], [0, 2, 0, 0]);
    // The same pair twice counts once.
    assert.deepEqual([...pairCounts([one, codes(0, 0, 0, 0, 4, 0)], 5)], [0, 1, 0, 0]);
  });

  it('prompts that are their counterparts have none', () => {
    const source = random(3);
    const heads = Array.from({ length: 5 }, () => {
      const half = Array.from({ length: 8 }, () => source.whole(6));
      return codes(...half, ...half);
    });
    assert.deepEqual(
      heads.map((head) => nodeScore(head, false)),
      [0, 0, 0, 0, 0],
    );
    assert.ok(pairCounts(heads, 6).every((count) => count === 0));
  });

  it('pairs are those that sets of pairs give, whatever the order of examples within a side and the names of codes', () => {
    const source = random(7);
    const pairs = 9;
    const heads = Array.from({ length: 6 }, () => codes(...Array.from({ length: 2 * pairs }, () => source.whole(4))));
    const counts = pairCounts(heads, 4);
    for (let a = 0; a < 6; a++) {
      for (let b = 0; b < 6; b++) {
        const seen = Array.from({ length: 2 * pairs }, (_, i) => `${heads[a]![i]} ${heads[b]![i]}`);
        const negative = new Set(seen.slice(pairs));
        const own = new Set(seen.slice(0, pairs).filter((each) => !negative.has(each)));
        assert.equal(counts[a * 6 + b], a < b ? own.size : 0);
      }
    }
    const names = [2, 0, 3, 1];
    const order = [...Array(pairs).keys()].sort((a, b) => ((a * 4) % pairs) - ((b * 4) % pairs));
    const moved = heads.map((head) =>
      codes(...[...order, ...order.map((at) => at + pairs)].map((at) => names[head[at]!]!)),
    );
    assert.deepEqual(pairCounts(moved, 4), counts);
    for (const share of [true, false]) {
      assert.deepEqual(
        moved.map((head) => nodeScore(head, share)),
        heads.map((head) => nodeScore(head, share)),
      );
    }
  });

  it('the list of edges is cut at half of the square of the heads, equal pairs at its end sharing what is left', () => {
    // Three heads: 4 entries of a list of 12. The pair of heads 0 and 1 in both orders fills them.
    assert.deepEqual(edgeScores(Uint16Array.of(0, 5, 2, 0, 0, 1, 0, 0, 0), 3), [2, 2, 0]);
    // All pairs equal: a third of each.
    edgeScores(Uint16Array.of(0, 2, 2, 0, 0, 2, 0, 0, 0), 3).forEach((score) =>
      assert.ok(Math.abs(score - 4 / 3) < 1e-12),
    );
    // Four heads: 8 entries; 4 of (0, 3), and 4 shared by (1, 2) and (0, 1).
    assert.deepEqual(edgeScores(Uint16Array.of(0, 3, 0, 9, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 0, 0), 4), [3, 2, 1, 2]);
  });

  it('numbers of examples are written in runs', () => {
    assert.equal(numbersText([1, 3, 4, 5, 8]), '1, 3-5, 8');
    assert.equal(numbersText([]), '');
  });
});

import assert from 'node:assert/strict';
import {
  copiedTokens,
  copyScores,
  mostReadIn,
  overTests,
  rankedHeads,
  scoreBins,
  type Needle,
  type ProducedToken,
} from '../../../../../diagnostics/shared/retrieval/copy-events';

/** Rows 3 to 7 are the needle; 31 stands in the hay as well, at row 8. */
const ids = [0, 10, 11, 30, 31, 32, 33, 34, 31, 12];
const needle: Needle = { ids, positions: [3, 4, 5, 6, 7] };

/** One layer; what each head read most, in the order in which the tokens came. */
const produced = (tokens: readonly number[], ...heads: readonly (readonly number[])[]): ProducedToken[] =>
  tokens.map((id, at) => ({ id, mostRead: [heads.map((read) => read[at] ?? -1)] }));

describe('copy events', () => {
  it('of a needle of n tokens, c distinct copies give c / n', () => {
    for (let copied = 0; copied <= 5; copied++) {
      const tokens = [30, 31, 32, 33, 34].slice(0, copied);
      const [[score = Number.NaN] = []] = copyScores(needle, [
        ...produced(tokens, [3, 4, 5, 6, 7]),
        ...produced([12], [1]),
      ]);
      assert.ok(Math.abs(score - copied / 5) < 1e-12, `${score} of ${copied}`);
    }
  });

  it('the right place with another token, and the right token at another place, are none', () => {
    const tokens = produced([30, 31, 12], [4, 8, 9], [-1, -1, -1]);
    assert.deepEqual(copiedTokens(needle, tokens), [[[], []]]);
    assert.deepEqual(copyScores(needle, tokens), [[0, 0]]);
    // The key holds the token that was produced, and that is one of the needle: enough where the place is left open.
    assert.deepEqual(copiedTokens({ ...needle, anywhere: true }, tokens), [[[31], []]]);
    assert.deepEqual(copyScores({ ...needle, anywhere: true }, tokens), [[1 / 5, 0]]);
  });

  it('a token generated twice counts once in a set and twice in a count, which may exceed 1', () => {
    const twice = produced([30, 30, 31], [3, 3, 4]);
    assert.deepEqual(copyScores(needle, twice, 'set'), [[2 / 5]]);
    assert.deepEqual(copyScores(needle, twice, 'count'), [[3 / 5]]);
    const often = produced([30, 30, 30, 30, 30, 30], [3, 3, 3, 3, 3, 3]);
    assert.deepEqual(copyScores(needle, often, 'set'), [[1 / 5]]);
    assert.deepEqual(copyScores(needle, often, 'count'), [[6 / 5]]);
  });

  it('a needle that says a token twice has it once in its set', () => {
    const said: Needle = { ids: [0, 5, 6, 5], positions: [1, 2, 3] };
    assert.deepEqual(copyScores(said, produced([5, 6, 5], [1, 2, 3])), [[1]]);
    assert.deepEqual(copyScores(said, produced([5, 6, 5], [1, 2, 3]), 'count'), [[1]]);
    assert.deepEqual(copyScores(said, produced([5], [3])), [[1 / 2]]);
  });

  it('layers may have different numbers of heads; nothing produced is no score', () => {
    const token = { id: 30, mostRead: [Int32Array.of(3, 1), Int32Array.of(3)] };
    assert.deepEqual(copyScores(needle, [token]), [[1 / 5, 0], [1 / 5]]);
    assert.deepEqual(copyScores(needle, []), []);
  });

  it('reads the first of the keys that a run ranked', () => {
    // Two rows, three heads, two keys each.
    const keys = Int32Array.of(1, 9, 2, 9, 3, 9, 4, 9, 5, 9, -1, -1);
    assert.deepEqual([...mostReadIn({ keys, heads: 3, k: 2 })], [1, 2, 3]);
    assert.deepEqual([...mostReadIn({ keys, heads: 3, k: 2 }, 1)], [4, 5, -1]);
  });
});

describe('scores over tests', () => {
  it('are means, and the share of tests with an event', () => {
    const over = overTests([[[1, 0, 0.25]], [[0.5, 0, 0]]]);
    assert.deepEqual(over, { scores: [[0.75, 0, 0.125]], activationFrequency: [[1, 0, 0.5]] });
    assert.equal(overTests([]), undefined);
  });

  it('two heads that copy a half each have 0.5 each and are active in every test', () => {
    const halves = copyScores({ ids, positions: [3, 4, 5, 6] }, produced([30, 31, 32, 33], [3, 4, 1, 1], [0, 0, 5, 6]));
    assert.deepEqual(overTests([halves, halves]), { scores: [[0.5, 0.5]], activationFrequency: [[1, 1]] });
  });

  it('rank heads: largest first, equal ones by layer and head', () => {
    const ranked = rankedHeads([
      [0.1, 0.7],
      [0.7, Number.NaN, 0.1],
    ]);
    assert.deepEqual(
      ranked.map(({ layer, head }) => [layer, head]),
      [
        [0, 1],
        [1, 0],
        [0, 0],
        [1, 2],
      ],
    );
  });

  it('fall into the bins of the paper', () => {
    const bins = scoreBins([
      [0, 0, 0.1, 0.100001],
      [0.5, 0.50001, 1.2, 0.01],
    ]);
    assert.deepEqual(
      bins.map(({ from, to, heads, share }) => [from, to, heads, share]),
      [
        [0, 0, 2, 0.25],
        [0, 0.1, 2, 0.25],
        [0.1, 0.5, 2, 0.25],
        [0.5, Number.POSITIVE_INFINITY, 2, 0.25],
      ],
    );
  });
});

import assert from 'node:assert/strict';
import { headScoresOf, pearson } from '../../../../../diagnostics/shared/retrieval/score-file';
import { meanScores, parseHeadScores } from '../../../../../protocol/plans/formats/head-scores';

const shape = [{ heads: 2 }, { heads: 1 }];

describe('a file of scores', () => {
  it('of the authors of the paper is read: a list of scores for each layer-head', () => {
    // Two heads of head_score/llama-2-7b-80k.json, shortened, in its form.
    const read = parseHeadScores('{"0-1": [0.25, 0.75], "1-0": [0.0, 0.0, 1.0]}');
    assert.ok(read.ok);
    assert.deepEqual(meanScores(read.result, shape), [[Number.NaN, 0.5], [1 / 3]]);
  });

  it('that Headscope saved gives the same numbers', () => {
    const scores = headScoresOf([
      [[1, 0], [0.5]],
      [[0.5, 0], [0.25]],
    ]);
    assert.deepEqual(scores, { '0-0': [1, 0.5], '0-1': [0, 0], '1-0': [0.5, 0.25] });
    const read = parseHeadScores(JSON.stringify({ kind: 'headscope-analysis', result: { headScores: scores } }));
    assert.ok(read.ok);
    assert.deepEqual(read.result, scores);
    assert.deepEqual(headScoresOf([]), {});
  });

  it('of another form is refused with a sentence', () => {
    for (const [text, why] of [
      ['[1, 2]', /object/],
      ['{"0-1": 0.5}', /list of scores/],
      ['{"first": [0.5]}', /layer-head/],
      ['{', /not valid JSON/],
    ] as const) {
      const read = parseHeadScores(text);
      assert.match(read.ok ? '' : read.why, why);
    }
  });
});

describe('Pearson’s r', () => {
  it('is over the heads that both have', () => {
    // By hand: x 1 2 3, y 2 4 5: covariance 1.5, deviations 1 and sqrt(7/3), r = 1.5 / sqrt(7/3).
    const { r, heads } = pearson([[1, 2, Number.NaN], [3]], [[2, 4, 9], [5]]);
    assert.ok(Math.abs(r - 1.5 / Math.sqrt(7 / 3)) < 1e-12);
    assert.equal(heads, 3);
  });

  it('has no value where a side does not vary or has one head', () => {
    assert.ok(Number.isNaN(pearson([[1, 1]], [[1, 2]]).r));
    assert.ok(Number.isNaN(pearson([[1]], [[1]]).r));
  });
});

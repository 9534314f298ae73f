import assert from 'node:assert/strict';
import { emphasisOf, rangesOf, sensitivityWeights } from '../../../../../diagnostics/shared/pictures/informed-tokens';
import {
  cellScores,
  chosenTokens,
  classScores,
  largest,
  outliers,
  receivedScores,
  rowSums,
  type EncoderMaps,
} from '../../../../../diagnostics/shared/pictures/token-scores';

/** A head whose rows are these shares of their sums: class row, then patches. */
const head = (rows: readonly (readonly number[])[]): Float32Array =>
  Float32Array.from(rows.flatMap((row) => row.map((value) => value / row.reduce((sum, one) => sum + one, 0))));

const maps: EncoderMaps = {
  n: 4,
  leading: 1,
  maps: [
    head([
      [4, 1, 2, 3],
      [1, 1, 1, 1],
      [0, 1, 3, 0],
      [2, 2, 0, 0],
    ]),
    head([
      [0, 6, 3, 1],
      [0, 0, 0, 1],
      [1, 0, 0, 1],
      [4, 0, 0, 1],
    ]),
  ],
};
const near = (found: readonly number[], expected: readonly number[]): void => {
  assert.equal(found.length, expected.length);
  found.forEach((value, at) => assert.ok(Math.abs(value - (expected[at] ?? NaN)) < 1e-6, `${value} at ${at}`));
};

describe('scores of patches in a vision encoder', () => {
  it('read the class row and leave its own column out', () => {
    // 0.1 + 0.6, 0.2 + 0.3, 0.3 + 0.1
    near(classScores(maps), [0.7, 0.5, 0.4]);
  });

  it('count what patches receive from patches; sums of rows, as the release takes them, are 1 for each', () => {
    // First head by columns: 1/4 + 1/4 + 1/2, 1/4 + 3/4 + 0, 1/4; second: 0, 0, 1 + 1/2 + 1/5.
    near(receivedScores(maps), [0.5, 0.5, (0.25 + 1.7) / 2]);
    near(rowSums(maps), [1, 1, 1, 1]);
  });

  it('without a class row every row is a patch', () => {
    const [a, b] = receivedScores({
      n: 2,
      leading: 0,
      maps: [
        head([
          [1, 3],
          [1, 1],
        ]),
      ],
    });
    near([a ?? 0, b ?? 0], [0.75, 1.25]);
  });

  it('of patches that are one token are summed', () => {
    // 2 x 4 patches, 2 x 2 of them a token.
    near(cellScores([1, 2, 10, 20, 3, 4, 30, 40], 4, { rows: 1, columns: 2 }), [10, 100]);
    near(cellScores([1, 2, 3], 3, { rows: 1, columns: 3 }), [1, 2, 3]);
  });
});

describe('tokens chosen by scores', () => {
  const planted = Array.from(
    { length: 40 },
    (_, at) => 1 + 0.01 * ((at * 7) % 10) + ([3, 11, 12, 30, 39].includes(at) ? 5 : 0),
  );

  it('five clear outliers are the summary tokens, and of even scores none', () => {
    assert.deepEqual(outliers(planted), [3, 11, 12, 30, 39]);
    assert.deepEqual(outliers(new Array<number>(40).fill(0.025)), []);
    // By hand: quartiles of 0 to 8 are 2 and 6, the fence is 12.
    assert.deepEqual(outliers([0, 1, 2, 3, 4, 5, 6, 7, 12.01]), [8]);
    assert.deepEqual(outliers([0, 1, 2, 3, 4, 5, 6, 7, 12]), []);
  });

  it('takes a share of the tokens, the earlier of equal ones', () => {
    assert.deepEqual(largest([1, 3, 2, 3, 0], 3), [1, 2, 3]);
    assert.deepEqual(largest([1, 1, 1], 2), [0, 1]);
  });

  it('the raised sets share no token, and of even scores the local tokens alone are raised', () => {
    const local = planted.map((_, at) => -at);
    const spatial = planted.map((_, at) => at);
    const sets = chosenTokens({ local, summary: planted, spatial }, { local: 0.25, spatial: 0.06 });
    assert.deepEqual(sets.local, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(sets.spatial, [38, 39]);
    assert.deepEqual(sets.top, [0, 1, 2, 4, 5, 6, 7, 8, 9, 38]);
    assert.deepEqual(sets.bottom, [3, 11, 12, 30, 39]);
    const even = chosenTokens({ local, summary: planted.map(() => 1), spatial }, { local: 0.25, spatial: 0 });
    assert.deepEqual([even.bottom, even.top], [[], even.local]);
    for (const P of [1, 3, 49, 576]) {
      const some = Array.from({ length: P }, (_, at) => Math.sin(at));
      const found = chosenTokens({ local: some, summary: some, spatial: some }, { local: 0.25, spatial: 0 });
      assert.equal(found.local.length, Math.floor(P / 4));
    }
  });
});

describe('informed tokens as interventions', () => {
  it('one for each strength, on ranges of rows', () => {
    assert.deepEqual(rangesOf([3, 4, 5, 9, 11, 12]), [
      { start: 3, end: 6 },
      { start: 9, end: 10 },
      { start: 11, end: 13 },
    ]);
    const sets = { top: [4, 5], bottom: [8] };
    assert.deepEqual(emphasisOf(sets, { alpha: 0.7, beta: 0.3, layers: [2, 3] }), [
      {
        kind: 'emphasis',
        heads: [
          { layer: 2, head: 'all' },
          { layer: 3, head: 'all' },
        ],
        keys: [{ start: 4, end: 6 }],
        factor: 0.7,
      },
      {
        kind: 'emphasis',
        heads: [
          { layer: 2, head: 'all' },
          { layer: 3, head: 'all' },
        ],
        keys: [{ start: 8, end: 9 }],
        factor: 0.3,
      },
    ]);
    assert.deepEqual(emphasisOf(sets, { alpha: 0, beta: 0, layers: [2, 3] }), []);
    assert.deepEqual(emphasisOf({ top: [], bottom: [] }, { alpha: 1, beta: 1, layers: [2] }), []);
  });

  it('weighted by sensitivity each head has its own, and the most sensitive of a layer the whole', () => {
    const weights = sensitivityWeights([
      [0.2, 0.4],
      [0, 0],
    ]);
    assert.deepEqual(weights, [
      [0.5, 1],
      [0, 0],
    ]);
    const found = emphasisOf({ top: [1], bottom: [] }, { alpha: 0.6, beta: 1, layers: [0, 1], weights });
    assert.deepEqual(
      found.map(({ heads, factor }) => ({ heads, factor })),
      [
        { heads: [{ layer: 0, head: 0 }], factor: 0.3 },
        { heads: [{ layer: 0, head: 1 }], factor: 0.6 },
      ],
    );
  });
});

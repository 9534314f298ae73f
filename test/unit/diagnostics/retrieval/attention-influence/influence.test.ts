/** Influence, ranking and selection, by arithmetic by hand. */
import assert from 'node:assert/strict';
import {
  influenceOf,
  quantileOf,
  ranked,
  repeatedShare,
  selectedCount,
} from '../../../../../diagnostics/retrieval/attention-influence/influence';
import {
  importantHeads,
  maskedCount,
  randomHeads,
} from '../../../../../diagnostics/retrieval/attention-influence/masked-heads';

const of = (source: string, ...influences: readonly number[]) => influences.map((influence) => ({ source, influence }));
const selected = (documents: Parameters<typeof ranked>[0], percent = 20): readonly number[] =>
  ranked(documents, percent).flatMap((one, at) => (one.selected ? [at] : []));

describe('influence', () => {
  it('is the rise of the loss as a share of it: both losses doubled give the same', () => {
    assert.equal(influenceOf(2, 3), 0.5);
    assert.equal(influenceOf(4, 6), 0.5);
    assert.equal(influenceOf(2, 1.5), -0.25);
    assert.equal(influenceOf(0, 1), Number.NaN);
  });

  it('selects the top 20 % rounded up: 1 of 1 to 5, 2 of 6 to 10', () => {
    const counts = [0, 1, 4, 5, 6, 10, 11, 15, 100].map((count) => selectedCount(count, 20));
    assert.deepEqual(counts, [0, 1, 1, 1, 2, 2, 3, 3, 20]);
  });

  it('ranks within a source: documents of one source in another change the set', () => {
    const apart = [...of('web', 0.9, 0.8, 0.7, 0.6, 0.5), ...of('code', 0.4, 0.3, 0.2, 0.1, 0)];
    assert.deepEqual(selected(apart), [0, 5]);
    assert.deepEqual(selected(apart.map(({ influence }) => ({ influence }))), [0, 1]);
  });

  it('gives equal influences places in the order of the corpus, and none to copies and to what has no influence', () => {
    const documents = [...of('web', 0.1, Number.NaN, 0.5, 0.5, 0.3), { source: 'web', influence: 0.9, duplicateOf: 0 }];
    const ranking = ranked(documents, 25);
    assert.deepEqual(
      ranking.map(({ rank }) => rank),
      [4, Number.NaN, 1, 2, 3, Number.NaN],
    );
    assert.deepEqual(
      ranking.map(({ quantile }) => quantile),
      [0.25, Number.NaN, 1, 1, 0.5, Number.NaN],
    );
    assert.deepEqual(selected(documents, 25), [2]);
  });

  it('a quantile looks at the numbers alone', () => {
    assert.equal(quantileOf([5, Number.NaN, 1, 3], 0.5), 3);
    assert.equal(quantileOf([Number.NaN], 0.5), Number.NaN);
  });

  it('counts the tokens of stretches of 16 that stood there before', () => {
    const part = Array.from({ length: 20 }, (_, at) => at);
    assert.equal(repeatedShare(part), 0);
    assert.equal(repeatedShare([...part, ...part]), 0.5);
    assert.equal(repeatedShare([...part, 99, ...part.slice(0, 15)]), 0, '15 tokens are no stretch');
    assert.equal(repeatedShare(new Array<number>(32).fill(7)), 31 / 32);
    assert.equal(repeatedShare([]), 0);
  });
});

describe('masked heads', () => {
  it('are round(5 % of all), at least one', () => {
    const counts = [1, 4, 32, 320, 1024].map((heads) => maskedCount(heads, 5));
    assert.deepEqual(counts, [1, 1, 2, 16, 51]);
  });

  it('are those of the largest scores; of equal ones those of the lower layer, then of the lower head', () => {
    const scores = [
      [0.1, 0.7, 0.7, 0],
      [0.7, 0.9, 0, Number.NaN],
    ];
    assert.deepEqual(importantHeads(scores, 5), [{ layer: 1, head: 1 }]);
    assert.deepEqual(importantHeads(scores, 38), [
      { layer: 0, head: 1 },
      { layer: 0, head: 2 },
      { layer: 1, head: 1 },
    ]);
  });

  it('by chance are as many others, the same for a seed', () => {
    const all = [0, 1].flatMap((layer) => [0, 1, 2, 3].map((head) => ({ layer, head })));
    const masked = all.slice(0, 3);
    const drawn = randomHeads(all, masked, { seed: 1, number: 0 });
    assert.deepEqual(drawn, randomHeads(all, masked, { seed: 1, number: 0 }));
    assert.equal(new Set(drawn.map(({ layer, head }) => `${layer}.${head}`)).size, 3);
    assert.ok(drawn.every((one) => !masked.some((other) => other.layer === one.layer && other.head === one.head)));
    const sets = Array.from({ length: 20 }, (_, number) =>
      JSON.stringify(randomHeads(all, masked, { seed: 1, number })),
    );
    assert.ok(new Set(sets).size > 5);
    assert.equal(randomHeads(all, all.slice(0, 6), { seed: 1, number: 0 }).length, 2, 'no more than there are');
  });
});

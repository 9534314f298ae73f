import assert from 'node:assert/strict';
import { capitalPairs, ownPairs } from '../../../../../diagnostics/retrieval/span-retrieval/pairs';
import { spanResultOf } from '../../../../../diagnostics/retrieval/span-retrieval/result';
import {
  chanceOf,
  figuresOf,
  meanOfRows,
  ranksOf,
  signTest,
} from '../../../../../diagnostics/retrieval/span-retrieval/retrieve';
import { finding } from '../../../../../diagnostics/retrieval/span-retrieval/sections';
import { normalTensor } from '../../../../../kernels/tensors/random';

const near = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-6, `${found} and ${expected}`);

/** Rows of [count, 8] standard normal numbers. */
const drawn = (count: number, seed: number): readonly Float64Array[] =>
  Array.from({ length: count }, (_, at) =>
    Float64Array.from(normalTensor([count, 8], seed).data.subarray(8 * at, 8 * at + 8)),
  );

describe('retrieval of paired texts', () => {
  it('the embedding of a text is the mean of the rows that are named', () => {
    assert.deepEqual([...meanOfRows([100, 100, 1, 2, 3, 6], 2, [1, 2])], [2, 4]);
  });

  it('ranks by hand, in both directions', () => {
    const first = [
      [1, 0],
      [0, 1],
      [1, 1],
    ];
    const second = [
      [1, 0.1],
      [1, 0],
      [0, 1],
    ];
    // Cosines of the first text: 0.995, 1, 0; of the second: 0.0995, 0, 1; of the third: 0.774, 0.707, 0.707.
    const { forward, back } = ranksOf(first, second, false);
    assert.deepEqual(forward, [2, 3, 2.5]);
    assert.deepEqual(back, [1, 3, 2]);
    const figures = figuresOf([1, 2, 4]);
    near(figures.recall, 1 / 3);
    near(figures.mrr, 7 / 12);
    // Wilson's interval of 1 of 3.
    near(Math.round(1e4 * figures.low) / 1e4, 0.0615);
    near(Math.round(1e4 * figures.high) / 1e4, 0.7923);
  });

  it('planted partners are found, unrelated texts by chance, and the length of a vector does not matter', () => {
    const first = drawn(200, 1);
    const partner = first.map((row, at) => row.map((value) => (1 + at) * value));
    assert.deepEqual(new Set(ranksOf(first, partner, false).forward), new Set([1]));
    const { recall, mrr } = figuresOf(ranksOf(first, drawn(200, 2), true).forward);
    // Standard deviations: 0.005 of the share, 0.007 of the mean.
    assert.ok(Math.abs(recall - chanceOf(200).recall) < 0.02, `R@1 ${recall}`);
    assert.ok(Math.abs(mrr - chanceOf(200).mrr) < 0.03, `MRR ${mrr}`);
    near(chanceOf(4).mrr, 25 / 48);
  });

  it('two kinds of texts that differ by one vector: taken away with the means', () => {
    const drawnRows = drawn(50, 3);
    const moved = (by: number, along: number) =>
      drawnRows.map((row) => row.map((value, i) => value + (i === along ? by : 0)));
    // The second text that reaches furthest along the offset of the first ones is nearest to almost all of them.
    assert.ok(figuresOf(ranksOf(moved(30, 0), moved(30, 1), false).forward).recall < 0.2);
    assert.equal(figuresOf(ranksOf(moved(30, 0), moved(30, 1), true).forward).recall, 1);
  });

  it('equal vectors tie: nothing is found', () => {
    const same = Array.from({ length: 5 }, () => [0.1, 0.7, 0.3]);
    for (const centred of [false, true]) assert.deepEqual(ranksOf(same, same, centred).forward, [3, 3, 3, 3, 3]);
  });

  it('the sign test by hand', () => {
    near(signTest(5, 0), 2 / 32);
    near(signTest(1, 4), (2 * 6) / 32);
    assert.equal(signTest(3, 3), 1);
    assert.equal(signTest(0, 0), 1);
  });

  it('compares the best depth with the embeddings, and says so only beyond the choice of the best', () => {
    const names = Array.from({ length: 12 }, (_, at) => [`a${at}`, `b${at}`] as const);
    const ranked = (found: number) => {
      const ranks = names.map((_, at) => (at < found ? 1 : 4));
      return { forward: ranks, back: ranks };
    };
    const weak = spanResultOf([ranked(2), ranked(5), ranked(4)], names, { centred: true, notes: [] });
    assert.deepEqual([weak.best, weak.gained, weak.lost], [1, 3, 0]);
    // 2 / 2^3, twice.
    near(weak.p, 0.5);
    assert.match(finding(weak), /after 1 layer: 41\.7 %.*no more than the choice of the best of 2 layers/);
    const strong = spanResultOf([ranked(2), ranked(5), ranked(12)], names, { centred: true, notes: [] });
    near(strong.p, 4 / 1024);
    assert.match(finding(strong), /after 2 layers: 100 %.*more than at the embeddings \(16\.7 %\)/);
    const flat = spanResultOf([ranked(6), ranked(6)], names, { centred: true, notes: [] });
    assert.match(finding(flat), /^At the embeddings 50 %.*no layer has more\.$/);
  });

  it('reads pairs of texts or token ids, and says which lines it leaves out', () => {
    const lines = [
      '["a", "b"]',
      '[[1, 2], [3]]',
      '',
      '["a", "c"]',
      '["d", "b"]',
      '["d"]',
      '{',
      '["e", "f"]',
      '["g", "a"]',
    ];
    const { pairs, notes } = ownPairs('p.jsonl', lines.join('\n'));
    assert.deepEqual(pairs, [
      ['a', 'b'],
      [[1, 2], [3]],
      ['e', 'f'],
      ['g', 'a'],
    ]);
    assert.deepEqual(
      notes.map((note) => note.slice(0, 7)),
      ['Line 4 ', 'Line 5 ', 'Line 6 ', 'Line 7 '],
    );
    assert.match(notes[1]!, /its second text stands in an earlier pair/);
    assert.throws(() => ownPairs('p.jsonl', '["a", "b"]'), /has 1 pairs that can be used, and 4 are needed/);
  });

  it('countries and capitals share no word that would give a pair away', () => {
    assert.equal(capitalPairs.length, 30);
    for (const [first, second] of capitalPairs) {
      const words = new Set(String(first).split(' '));
      const rest = String(second).split(' ').at(-1)!;
      assert.ok(!words.has(rest), `${String(first)} names ${rest}`);
    }
  });
});

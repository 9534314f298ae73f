import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  bestLinks,
  linksFrom,
  meanShares,
  wordShares,
} from '../../../../../diagnostics/patterns/cross-alignment/align';
import {
  addedCounts,
  agreementOf,
  countsOf,
  linksText,
  parseLinks,
} from '../../../../../diagnostics/patterns/cross-alignment/links';
import {
  orderOf,
  permutationNull,
  shareAsLow,
  type Candidate,
} from '../../../../../diagnostics/patterns/cross-alignment/score';
import { tokensAsWords, wordsOf } from '../../../../../diagnostics/patterns/cross-alignment/words';

const linksOf = (text: string) => {
  const read = parseLinks(text);
  assert.ok('links' in read);
  return read.links;
};

describe('cross-alignment: links', () => {
  it('reads the form of Pharaoh, with links that are possible alone, and names a word that is none', () => {
    assert.deepEqual(linksOf(' 0-0  1p2 12?3\n'), [
      { source: 0, target: 0, sure: true },
      { source: 1, target: 2, sure: false },
      { source: 12, target: 3, sure: false },
    ]);
    assert.deepEqual(parseLinks('0-0 1:2'), { fault: '1:2' });
    assert.equal(linksText(linksOf('0-0 1p2')), '0-0 1-2');
  });

  it('agrees with counts made by hand', () => {
    // S = {0-0, 1-1}, P adds 2-2; A = {0-0, 2-2, 2-1}: one of S, two of P.
    const gold = linksOf('0-0 1-1 2p2');
    const { aer, precision, recall } = agreementOf(countsOf(linksOf('0-0 2-2 2-1'), gold));
    assert.ok(Math.abs(precision - 2 / 3) < 1e-12);
    assert.equal(recall, 1 / 2);
    assert.ok(Math.abs(aer - (1 - (1 + 2) / (3 + 2))) < 1e-12);
  });

  it('has an error of 0 where all sure links and no impossible one are found, 1 where none is right', () => {
    const gold = linksOf('0-0 1-1 2p2');
    assert.equal(agreementOf(countsOf(linksOf('0-0 1-1'), gold)).aer, 0);
    assert.equal(agreementOf(countsOf(linksOf('0-0 1-1 2-2'), gold)).aer, 0);
    assert.equal(agreementOf(countsOf(linksOf('0-1 1-0'), gold)).aer, 1);
  });

  it('sums sets over texts before it divides', () => {
    const first = countsOf(linksOf('0-0'), linksOf('0-0'));
    const second = countsOf(linksOf('0-1 1-1 2-1'), linksOf('0-0 1-1 2-2'));
    // 1 and 1 of 1 and 3 found, of 1 and 3 sure.
    assert.equal(agreementOf(addedCounts(first, second)).aer, 1 - 4 / 8);
  });
});

describe('cross-alignment: words', () => {
  const special = (at: number) => (token: number) => token === at;

  it('gives tokens to the words of the text that they spell, whatever marks the tokenizer writes', () => {
    const text = 'The cats sat.';
    const texts = ['The', 'cats', 'sat.'];
    for (const tokens of [
      ['▁The', '▁cat', 's', '▁sat', '.', '</s>'],
      ['The', ' cat', 's', ' sat', '.', '</s>'],
      ['the', 'cat', '##s', 'sat', '.', '[SEP]'],
    ]) {
      assert.deepEqual(wordsOf(text, tokens, special(5)), { texts, of: [0, 1, 1, 2, 2, -1] });
    }
  });

  it('splits at white space where the text is not known, or holds what no piece spells', () => {
    const tokens = ['<s>', 'ab', 'c', ' d'];
    assert.deepEqual(wordsOf(null, tokens, special(0)), { texts: ['abc', 'd'], of: [-1, 0, 0, 1] });
    assert.deepEqual(wordsOf('ab😀c d', ['<s>', 'ab', '<unk>', ' d'], special(0)).of, [-1, 0, 0, 1]);
  });

  it('takes each token as a word, without those that stand for no text', () => {
    assert.deepEqual(tokensAsWords(['a', 'b', '</s>'], special(2)), { texts: ['a', 'b'], of: [0, 1, -1] });
  });
});

describe('cross-alignment: shares of words', () => {
  // Rows: the start, then three tokens that spell two words. Columns: three tokens of two words, then the end.
  const source = { texts: ['x', 'y'], of: [0, 0, 1, -1] };
  const target = { texts: ['u', 'v'], of: [-1, 0, 0, 1] };
  const map = Float32Array.from([
    ...[0.5, 0.25, 0.125, 0.125],
    ...[0.25, 0, 0.5, 0.25],
    ...[0, 0, 1, 0],
    ...[0.125, 0.125, 0.25, 0.5],
  ]);

  it('sums over the tokens of a word of the source and takes the mean over those of one of the target', () => {
    // Reading: tokens 1, 2 and 3 at their own rows.
    assert.deepEqual(wordShares(map, { source, target, moment: 'reading' }), [
      [0.125, 0.75],
      [0.25, 0.25],
    ]);
    // Writing: one row earlier.
    assert.deepEqual(wordShares(map, { source, target, moment: 'writing' }), [
      [0.5, 0.3125],
      [0, 1],
    ]);
  });

  it('links each word of the target with its best, or all from a share on', () => {
    const shares = [
      [0.5, 0.3125],
      [0, 0],
      [0.4, 0.6],
    ];
    assert.equal(linksText(bestLinks(shares)), '0-0 1-2');
    assert.equal(linksText(linksFrom(shares, 0.3125)), '0-0 1-0 0-2 1-2');
    assert.deepEqual(meanShares([[[1, 0]], [[0, 0.5]]]), [[0.5, 0.25]]);
  });
});

describe('cross-alignment: the null', () => {
  const words = 8;
  const diagonal = Array.from({ length: words }, (_, at) => ({ source: at, target: at }));
  const text = { sourceWords: words, gold: diagonal.map((link) => ({ ...link, sure: true })) };
  const candidate = (head: number, links: Candidate['links'][number]): Candidate => ({
    ...{ layer: 0, head, moment: 'writing' },
    links: [links],
  });

  it('expects one link of n right, which is a share of 1/n', () => {
    const none = permutationNull([candidate(0, diagonal)], [text], 4000, 1);
    // A permutation of n places leaves 1 where it is on average: precision and recall 1/n, the error 1 - 1/n.
    assert.ok(none && Math.abs(none.mean - (1 - 1 / words)) < 0.01, String(none?.mean));
    assert.equal(shareAsLow(0, none), 1 / 4001);
  });

  it('takes the best of all heads: with many of them a head by chance does not stand out', () => {
    const moved = (by: number) => diagonal.map(({ source, target }) => ({ source: (source + by) % words, target }));
    const heads = Array.from({ length: words - 1 }, (_, by) => candidate(by, moved(by + 1)));
    const none = permutationNull(heads, [text], 500, 2);
    const alone = permutationNull(heads.slice(0, 1), [text], 500, 2);
    assert.ok(none && alone && none.lowest < alone.lowest);
    // Two of eight right, which the best of seven heads mostly has.
    assert.ok(shareAsLow(0.75, none) > 0.5);
  });

  it('is the same for a seed, and none without permutations or a gold alignment', () => {
    const all = [candidate(0, diagonal)];
    assert.deepEqual(permutationNull(all, [text], 20, 5), permutationNull(all, [text], 20, 5));
    assert.equal(permutationNull(all, [text], 0, 5), undefined);
    assert.equal(permutationNull(all, [{ sourceWords: words }], 20, 5), undefined);
  });

  it('says in which order words are read', () => {
    assert.equal(orderOf([diagonal]), 1);
    assert.equal(orderOf([diagonal.map(({ target }) => ({ source: words - target, target }))]), -1);
    assert.ok(Number.isNaN(orderOf([diagonal.slice(0, 2)])));
  });
});

import assert from 'node:assert/strict';
import { compareHeads } from '../../../diagnostics/patterns/compare';
import { copyRates } from '../../../diagnostics/patterns/copy-rate';
import { probePeriod, repeatedSequence, unrepeatedSequence } from '../../../diagnostics/patterns/probes';

const settings = { vocabulary: 200, avoid: [0, 1, 2], bosId: 1, period: 32, seed: 9 };

describe('probes', () => {
  it('the repeated sequence is the same half twice, behind the first token, without special tokens', () => {
    const { ids, earlier, counted } = repeatedSequence(settings);
    assert.equal(ids.length, 65);
    assert.equal(ids[0], 1);
    assert.deepEqual(ids.slice(1, 33), ids.slice(33));
    assert.equal(new Set(ids.slice(1, 33)).size, 32);
    assert.ok(ids.slice(1).every((id) => id > 2 && id < 200));
    assert.deepEqual(
      counted,
      Array.from({ length: 32 }, (_, i) => 33 + i),
    );
    for (const position of counted) assert.deepEqual(earlier[position], [position - 32]);
    assert.ok(earlier.slice(0, 33).every((each) => each.length === 0));
  });

  it('the unrepeated one has no token twice and is measured at the same places', () => {
    const { ids, earlier, counted } = unrepeatedSequence(settings);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(earlier, repeatedSequence(settings).earlier);
    assert.deepEqual(counted, repeatedSequence(settings).counted);
  });

  it('the seed decides, and without a first token there is none', () => {
    assert.deepEqual(repeatedSequence(settings), repeatedSequence(settings));
    assert.notDeepEqual(repeatedSequence(settings).ids, repeatedSequence({ ...settings, seed: 10 }).ids);
    assert.equal(repeatedSequence({ ...settings, bosId: undefined }).ids.length, 64);
  });

  it('the period fits vocabulary and context, and is refused where it says nothing', () => {
    assert.equal(probePeriod(50_000, 3, 2048), 64);
    assert.equal(probePeriod(61, 3, 128), 29);
    assert.equal(probePeriod(50_000, 3, 33), 16);
    assert.equal(probePeriod(50_000, 0, undefined), 64);
    assert.equal(probePeriod(16, 2, 2048), undefined);
    assert.equal(probePeriod(50_000, 2, 8), undefined);
  });
});

describe('copy rate', () => {
  const period = 20;
  const half = Array.from({ length: period }, (_, i) => 100 + i);
  const ids = [1, ...half, ...half];
  const counted = Array.from({ length: period }, (_, i) => 1 + period + i);
  const k = 2;
  /** One head per function, which says the keys read most. */
  const most = (heads: readonly ((position: number) => readonly [number, number])[]) => ({
    heads: heads.length,
    k,
    keys: Int32Array.from(ids.flatMap((_, position) => heads.flatMap((head) => head(position)))),
  });
  const induction = (position: number): readonly [number, number] => [position - period + 1, 0];

  it('counts the queries whose most-read key holds the next token; key 0 is left out', () => {
    const rates = copyRates(
      ids,
      counted,
      most([
        induction,
        (position) => [0, position - period + 1],
        (position) => [position - 1, position - period + 1],
        (position) => [position - period, 0],
      ]),
    );
    assert.deepEqual(rates, [1, 1, 0, 0]);
  });

  it('keys of the local window and keys that are not there are no retrieval', () => {
    const short = [1, ...half.slice(0, 10), ...half.slice(0, 10)];
    const near = { heads: 1, k, keys: Int32Array.from(short.flatMap((_, position) => [position - 9, 0])) };
    const places = Array.from({ length: 10 }, (_, i) => 11 + i);
    assert.deepEqual(copyRates(short, places, near), [0]);
    assert.deepEqual(copyRates(ids, counted, most([() => [-1, -1]])), [0]);
  });

  it('has no value where no query has a next token', () => {
    assert.deepEqual(copyRates([7], [0], { heads: 1, k: 1, keys: Int32Array.from([0]) }), [Number.NaN]);
  });
});

describe('comparison of two runs', () => {
  it('lists all changes, the largest first, of the statistics that both have', () => {
    const before = { entropy: [[1, 2]], selfToken: [[0.1, Number.NaN]], old: [[1, 1]] };
    const after = { entropy: [[1.5, 2]], selfToken: [[0.9, 0.2]] };
    const compared = compareHeads(before, after);
    assert.ok(compared.ok);
    assert.deepEqual(
      compared.changes.map(({ statistic, layer, head, change }) => [
        statistic,
        layer,
        head,
        Math.round(change * 1e9) / 1e9,
      ]),
      [
        ['selfToken', 0, 0, 0.8],
        ['entropy', 0, 0, 0.5],
        ['entropy', 0, 1, 0],
      ],
    );
  });

  it('refuses models of other shapes in a sentence', () => {
    const compared = compareHeads({ entropy: [[1, 2]] }, { entropy: [[1], [2]] });
    assert.ok(!compared.ok);
    assert.match(compared.why, /1 layers of 2 heads and 2 layers of 1 heads; heads can be compared one by one only/);
  });
});

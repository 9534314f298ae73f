import assert from 'node:assert/strict';
import { probePeriod, repeatedSequence, unrepeatedSequence } from '../../../../../diagnostics/shared/labels/probes';

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

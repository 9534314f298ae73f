/** What reinforcement changed, by hand: two captions of each of ten pictures. */
import assert from 'node:assert/strict';
import { judgeCaption } from '../../../../../diagnostics/shared/captions/chair';
import { ObjectFinder } from '../../../../../diagnostics/shared/captions/lexicon';
import { pairedChange } from '../../../../../diagnostics/shared/captions/paired-change';
import { pairedProportions } from '../../../../../diagnostics/shared/statistics/over-pictures';

const finder = new ObjectFinder({ dog: [], cat: [], bone: [] });
const truth = new Set(['dog', 'cat']);
const pair = (plain: string, reinforced: string) => ({
  plain: judgeCaption(finder, plain, truth),
  reinforced: judgeCaption(finder, reinforced, truth),
});
const near = (value: number | undefined, expected: number): void =>
  assert.ok(Math.abs((value ?? Number.NaN) - expected) < 1e-9, `${value} instead of ${expected}`);

describe('change of captions by reinforcement', () => {
  it('counts the pictures that one caption alone gets wrong, and gives differences of pooled shares', () => {
    const pairs = [
      ...Array.from({ length: 6 }, () => pair('a dog', 'a dog and a bone')),
      pair('a bone', 'a dog'),
      pair('a dog and a bone', 'a cat and a bone'),
      ...Array.from({ length: 2 }, () => pair('a dog and a cat', 'a dog and a cat')),
    ];
    const change = pairedChange(pairs);
    assert.deepEqual([change.pictures, change.onlyReinforced, change.onlyPlain], [10, 6, 1]);
    assert.deepEqual(change.chairS, pairedProportions(10, 6, 1));
    near(change.chairS?.difference, 0.5);
    // Plain: 2 wrong of 13 mentions (6 + 1 + 2 + 4); reinforced: 7 wrong of 19 (12 + 1 + 2 + 4).
    near(change.chairI?.difference, 7 / 19 - 2 / 13);
    assert.ok(
      change.chairI && change.chairI.low < change.chairI.difference && change.chairI.high > change.chairI.difference,
    );
    // Only one picture names more of what is there.
    assert.equal(change.recall, null);
  });

  it('says of few pictures what they allow, and nothing of none', () => {
    const one = pairedChange([pair('a bone', 'a dog')]);
    assert.equal(one.chairS?.difference, -1);
    assert.ok((one.chairS?.high ?? -1) > 0, 'one picture is never more than noise');
    assert.equal(one.chairI, null);
    assert.deepEqual(pairedChange([]), {
      pictures: 0,
      onlyPlain: 0,
      onlyReinforced: 0,
      chairS: null,
      chairI: null,
      recall: null,
    });
  });
});

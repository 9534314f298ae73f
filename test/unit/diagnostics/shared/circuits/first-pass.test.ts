/** Which of many are patched where gradients order them, and what is said of the rest. */
import assert from 'node:assert/strict';
import { firstPassOf, firstPassWords, patchedOf, shareOf } from '../../../../../diagnostics/shared/circuits/first-pass';

describe('a first pass by gradients', () => {
  const estimates = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? at : -at));

  it('patches the largest estimates of either sign, and some of the others whatever theirs are', () => {
    const { largest, drawn } = patchedOf(estimates, 10, 1);
    assert.deepEqual(
      [...largest].sort((a, b) => a - b),
      [36, 37, 38, 39],
    );
    assert.equal(new Set(drawn).size, 8);
    assert.ok(drawn.every((at) => at < 36));
    assert.notDeepEqual(patchedOf(estimates, 10, 2).drawn, drawn, 'by the seed');
    assert.deepEqual(patchedOf(estimates, 100, 1).drawn, [], 'of all none are left');
  });

  it('says what share of the effects was found: those drawn stand for all that were left out', () => {
    const chosen = { largest: [0, 1], drawn: [2, 3] };
    const effects = [3, -5, 0.5, -0.1];
    // 8 of the largest; 8 others of 0.3 on average.
    const pass = firstPassOf(chosen, 10, (at) => effects[at] ?? NaN);
    assert.ok(Math.abs(pass.found - 8 / (8 + 8 * 0.3)) < 1e-12);
    assert.equal(
      firstPassWords(pass, 'heads'),
      'Gradients chose 2 of 10 heads to be patched: they hold about 77 % of all effects, by 2 of the others drawn at random.',
    );
    assert.equal(firstPassOf({ largest: [0, 1], drawn: [] }, 2, (at) => effects[at] ?? NaN).found, 1);
  });

  it('is made of large models alone, unless a share is asked for', () => {
    assert.deepEqual([shareOf(0, 36, 'heads'), shareOf(0, 384, 'heads'), shareOf(0, 600, 'edges')], [100, 10, 100]);
    assert.equal(shareOf(25, 36, 'heads'), 25);
  });
});

/** Figures of maps of influence. */
import assert from 'node:assert/strict';
import { influenceSection } from '../../../../../diagnostics/plans/moa/figures';

describe('the figures of influence at one length', () => {
  it('are its sum, its mean distance in tokens, and the map', () => {
    // Key blocks after the first have 6 on the query block itself and 2 on the block before: 2 / 8 of a block of 16 tokens.
    const map = Float64Array.of(9, 0, 0, 0, 3, 0, 0, 2, 3);
    const profile = { tokens: 48, prompts: 1, blocks: 3, maps: [[map]] };
    const { total, distance, maps, side } = influenceSection(profile, 16, 1);
    assert.deepEqual([total, distance, side], [[[17]], [[4]], 3]);
    assert.deepEqual(maps, [[[...map]]]);
  });
});

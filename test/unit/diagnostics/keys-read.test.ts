import assert from 'node:assert/strict';
import { meanLogReadable } from '../../../diagnostics/shared/labels/labels';
import { countOfKeysRead, keysRead } from '../../../diagnostics/model-runner/keys-read';

describe('rows that a query reads', () => {
  it('causal: its own and those before, or the last of them', () => {
    assert.deepEqual(keysRead(3, 6, { causal: true }), { first: 0, end: 4 });
    assert.deepEqual(keysRead(3, 6, { causal: true, window: 2 }), { first: 2, end: 4 });
  });

  it('in both directions: all, or those nearer than the window on either side', () => {
    assert.deepEqual(keysRead(3, 6, { causal: false }), { first: 0, end: 6 });
    assert.deepEqual(keysRead(3, 6, { causal: false, window: 2 }), { first: 2, end: 5 });
    assert.deepEqual(keysRead(0, 6, { causal: false, window: 3 }), { first: 0, end: 3 });
    assert.equal(countOfKeysRead(5, 6, { causal: false, window: 3 }), 3);
  });

  it('the largest entropy that heads can have follows', () => {
    // Four rows that read 2, 3, 3 and 2 keys.
    const expected = (2 * Math.log(2) + 2 * Math.log(3)) / 4;
    assert.ok(Math.abs(meanLogReadable(4, { causal: false, window: 2 }) - expected) < 1e-12);
  });

  it('in chunks a query reads from the beginning of its own on', () => {
    const rules = { causal: true, window: 3, chunked: true };
    const counts = Array.from({ length: 8 }, (_, query) => countOfKeysRead(query, 8, rules));
    assert.deepEqual(counts, [1, 2, 3, 1, 2, 3, 1, 2]);
    const expected = (3 * Math.log(2) + 2 * Math.log(3)) / 8;
    assert.ok(Math.abs(meanLogReadable(8, rules) - expected) < 1e-12);
  });
});

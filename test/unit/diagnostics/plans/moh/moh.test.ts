import assert from 'node:assert/strict';
import { sharesOf } from '../../../../../diagnostics/plans/moh/run';

describe('the curve of a mixture of heads', () => {
  it('has shares from 1 to 100 per cent', () => {
    assert.deepEqual(sharesOf('1, 50,100'), [0.01, 0.5, 1]);
    for (const text of ['0.5', '101', 'half']) assert.throws(() => sharesOf(text), /from 1 to 100/u, text);
  });
});

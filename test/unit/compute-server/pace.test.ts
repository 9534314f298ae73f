import assert from 'node:assert/strict';
import { learn, secondsOf } from '../../../compute-server/analyses/pace';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';

describe('how long an analysis takes', () => {
  const model = (weightBytes: number) => ({ summary: { weightBytes } }) as LoadedModel;

  it('is at first guessed from the size of the model: it grows with weights, tokens and passes', () => {
    const guess = secondsOf(model(2e9), 'a', 10, 100);
    const near = (found: number, expected: number): void => assert.ok(Math.abs(found / expected - 1) < 1e-9);
    near(secondsOf(model(4e9), 'a', 10, 100), 2 * guess);
    near(secondsOf(model(2e9), 'a', 10, 300), 3 * guess);
    near(secondsOf(model(2e9), 'a', 40, 100), 4 * guess);
    // A pass of the smallest model has its calls.
    assert.ok(secondsOf(model(1), 'a', 1000, 1) >= 1);
  });

  it('is what the last whole run of this analysis took, or else of any other, by passes and tokens', () => {
    const own = model(2e9);
    learn(own, 'a', { seconds: 60, passes: 30, tokens: 100 });
    assert.equal(secondsOf(own, 'a', 60, 50), 60);
    assert.equal(secondsOf(own, 'b', 30, 200), 120);
    learn(own, 'b', { seconds: 3, passes: 30, tokens: 100 });
    assert.equal(secondsOf(own, 'b', 30, 100), 3);
    assert.equal(secondsOf(own, 'a', 30, 100), 60);
  });

  it('learns nothing of a run without passes', () => {
    const own = model(2e9);
    const guess = secondsOf(own, 'a', 1, 1);
    learn(own, 'a', { seconds: 60, passes: 0, tokens: 1 });
    assert.equal(secondsOf(own, 'a', 1, 1), guess);
  });
});

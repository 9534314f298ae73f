import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TimeLeft } from '../../../compute-server/harness/time-left';

/** Lengths that take the given seconds, one after another; `now` moves on as the test says. */
function running(operations: readonly number[]) {
  const clock = { now: 100 };
  const left = new TimeLeft(operations, () => clock.now);
  let at = 0;
  return {
    left,
    pass: (seconds: number) => (clock.now += seconds),
    begin: () => left.begin(at),
    measure(seconds: number) {
      left.begin(at);
      clock.now += seconds;
      left.end();
      at += 1;
    },
  };
}

describe('the time a benchmark takes yet', () => {
  it('is said from the third length on, by the work of the lengths to come', () => {
    // 2 s a length and 1 s per 100 operations: 3, 6, 18 and 66 s.
    const run = running([100, 400, 1600, 6400]);
    assert.equal(run.left.seconds(), undefined);
    run.measure(3);
    run.begin();
    assert.equal(run.left.seconds(), undefined);
    run.measure(6);
    run.begin();
    assert.equal(run.left.seconds(), 18 + 66);
    run.pass(4);
    assert.equal(run.left.seconds(), 14 + 66);
    run.measure(18);
    run.begin();
    assert.equal(run.left.seconds(), 66);
  });

  it('says nothing once a length takes longer than expected, rather than that none is left', () => {
    const run = running([100, 400, 1600]);
    run.measure(3);
    run.measure(6);
    run.begin();
    run.pass(17);
    assert.equal(run.left.seconds(), 1);
    run.pass(100);
    assert.equal(run.left.seconds(), undefined);
  });

  it('takes lengths for equally long when the first took longest, as it starts what the others use', () => {
    const run = running([100, 400, 1600]);
    run.measure(9);
    run.measure(6);
    run.begin();
    assert.equal(run.left.seconds(), 6);
  });

  it('neither counts nor learns from lengths that an earlier run has measured', () => {
    const run = running([0, 100, 400, 0, 1600]);
    run.measure(0);
    run.measure(3);
    run.measure(6);
    run.measure(0);
    run.begin();
    assert.equal(run.left.seconds(), 18);
  });
});

/** Limits of the tests follow the machine: as fast as the reference and idle they stay as they are, and never get shorter. */
import assert from 'node:assert/strict';
import { described, effort, Limit, reference, secondsOfCalculation, slowness } from '../../../build/machine.mjs';

const { seconds, cores } = reference;

describe('the measured speed of the machine', () => {
  it('is that of the reference on the reference', () => {
    assert.equal(slowness({ seconds, cores, load: 0 }), 1);
    assert.equal(slowness({ seconds, cores, load: 2 }), 1, 'one process for each core is no crowd');
  });

  it('never shortens a limit, however fast, large and idle', () => {
    assert.equal(slowness({ seconds: seconds / 10, cores: 64, load: 0 }), 1);
    // A fast processor does not pay for its crowd: what is left of each core may still be too little.
    assert.equal(slowness({ seconds: seconds / 10, cores: 2, load: 6 }), 3);
  });

  it('stretches limits by what is slower, by missing cores and by what else runs', () => {
    assert.equal(slowness({ seconds: 4 * seconds, cores: 2, load: 0 }), 4);
    assert.equal(slowness({ seconds, cores: 1, load: 0 }), 2);
    assert.equal(slowness({ seconds, cores: 2, load: 5 }), 2.5);
    assert.equal(slowness({ seconds: 2 * seconds, cores: 2, load: 5 }), 5);
    assert.equal(slowness({ seconds: 2 * seconds, cores: 1, load: 2 }), 8);
  });

  it('stretches computing time by a slower processor alone', () => {
    assert.deepEqual(
      [0.5, 1, 4, 1000].map((times) => effort({ seconds: times * seconds })),
      [1, 1, 4, 12],
    );
  });

  it('ends somewhere', () => {
    assert.equal(slowness({ seconds: 1000 * seconds, cores: 1, load: 500 }), 12);
  });

  it('is measured: the calculation takes processor time, and the output says how much', () => {
    const measured = secondsOfCalculation();
    assert.ok(measured > 0 && measured < 60, `${measured} s`);
    assert.equal(
      described({ seconds: 0.5, cores: 2, load: 3 }),
      'machine: the calculation took 0.50 s (0.20 s on the reference), load 3.0 on 2 cores: limits are stretched 3.8 times',
    );
    assert.match(described({ seconds, cores: 2, load: 0 }), /limits are not stretched$/);
  });
});

describe('the limit of a step', () => {
  it('is passed after its minutes on the reference machine', () => {
    const limit = new Limit(2);
    assert.equal(limit.pass(119, 1), false);
    assert.equal(limit.pass(1, 1), true);
  });

  it('runs slower while the machine is busy, and as before once it is not', () => {
    const limit = new Limit(1);
    assert.equal(limit.pass(30, 1), false);
    assert.equal(limit.pass(100, 4), false, 'counts as 25 s');
    assert.equal(limit.pass(4, 1), false);
    assert.equal(limit.pass(1, 1), true);
  });
});

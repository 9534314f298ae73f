/** Units into tasks of equal work, within what an engine takes. */
import assert from 'node:assert/strict';
import { pack } from '../../../../compute-server/sweeps/packing';
import { cutEqually } from '../../../../diagnostics/shared/parts';

describe('units in tasks', () => {
  it('keep their order and are all there, in at most as many tasks as the engine takes', () => {
    const row = Array.from({ length: 1000 }, (_, at) => at);
    const tasks = pack(row, () => 1, { mostTasks: 7, atOnce: 4 });
    assert.equal(tasks.length, 7);
    assert.deepEqual(tasks.flat(), row);
    assert.ok(tasks.every(({ length }) => length === 142 || length === 143 || length === 144));
    assert.equal(
      pack(row, () => 1, { mostTasks: 100_000, atOnce: 4 }).length,
      32,
      'eight for each that runs at the same time',
    );
    assert.equal(pack([1, 2, 3], () => 1, { mostTasks: 100, atOnce: 4 }).length, 3);
    assert.deepEqual(
      pack([], () => 1, { mostTasks: 4, atOnce: 4 }),
      [],
    );
  });

  it('have equal work where units differ', () => {
    const row = [8, 1, 1, 1, 1, 1, 1, 1, 1, 8, 4, 4];
    const work = cutEqually(row, (one) => one, 4).map((run) => run.reduce((sum, one) => sum + one, 0));
    assert.deepEqual(work, [8, 8, 8, 8]);
    // A unit that is larger than its share has a run to itself.
    assert.deepEqual(
      cutEqually([100, 1, 1], (one) => one, 3),
      [[100], [1], [1]],
    );
  });
});

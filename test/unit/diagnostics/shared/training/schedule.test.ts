import assert from 'node:assert/strict';
import { minibatch } from '../../../../../diagnostics/shared/training/minibatches';
import { hasSettled, rateAt } from '../../../../../diagnostics/shared/training/schedule';

const rates = (schedule: Parameters<typeof rateAt>[0], steps: number): number[] =>
  Array.from({ length: steps }, (_, i) => Number(rateAt(schedule, i + 1, steps).toFixed(6)));

describe('Learning rates', () => {
  it('are constant, or rise by a line, and fall by half a cosine or a line to the share that is asked for', () => {
    assert.deepEqual(rates({ peak: 2 }, 3), [2, 2, 2]);
    assert.deepEqual(rates({ peak: 2, warmUp: 4 }, 6), [0.5, 1, 1.5, 2, 2, 2]);
    assert.deepEqual(rates({ peak: 1, warmUp: 2, shape: 'linear' }, 6), [0.5, 1, 0.75, 0.5, 0.25, 0]);
    // (1 + cos(pi k / 4)) / 2 for k = 0..4, from 1 to 0.2.
    assert.deepEqual(rates({ peak: 1, warmUp: 1, shape: 'cosine', last: 0.2 }, 5), [1, 0.882843, 0.6, 0.317157, 0.2]);
    assert.deepEqual(rates({ peak: 1, warmUp: 9, shape: 'cosine' }, 3), [0.111111, 0.222222, 0.333333]);
  });
});

describe('A plateau', () => {
  it('is reached when nothing was better for as many checkpoints as the patience has', () => {
    assert.equal(hasSettled({ patience: 2 }, []), false);
    assert.equal(hasSettled({ patience: 2 }, [3, 2, 1]), false);
    assert.equal(hasSettled({ patience: 2 }, [3, 1, 2]), false);
    assert.equal(hasSettled({ patience: 2 }, [3, 1, 2, 1]), true);
    assert.equal(hasSettled({ patience: 2 }, [3, 1, 2, 0.9]), false);
  });

  it('takes a small improvement for none where it is told from which share one counts', () => {
    assert.equal(hasSettled({ patience: 2, least: 0.1 }, [1, 0.95, 0.91]), true);
    assert.equal(hasSettled({ patience: 2, least: 0.1 }, [1, 0.95, 0.89]), false);
  });
});

describe('Minibatches', () => {
  it('go through all examples in each pass, in an order of its own, the same for the same seed', () => {
    const pass = (first: number, seed: number): number[] =>
      Array.from({ length: 3 }, (_, i) => minibatch(9, 3, first + i, seed)).flat();
    const [one, two, other] = [pass(1, 5), pass(4, 5), pass(1, 6)];
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    for (const each of [one, two, other])
      assert.deepEqual(
        each.toSorted((a, b) => a - b),
        all,
      );
    assert.notDeepEqual(one, two);
    assert.notDeepEqual(one, other);
    assert.deepEqual(pass(1, 5), one);
  });

  it('leave out what fills no batch, and are the whole set where that is smaller', () => {
    const steps = [1, 2, 3].map((step) => minibatch(5, 2, step, 1));
    assert.equal(new Set(steps.slice(0, 2).flat()).size, 4);
    assert.equal(minibatch(3, 8, 2, 1).length, 3);
    assert.deepEqual(minibatch(0, 8, 1, 1), []);
  });
});

import assert from 'node:assert/strict';
import { finalResult } from '../../../../diagnostics/shared/final-result';

describe('a generator whose steps nobody watches', () => {
  it('runs to its end, and gives what it returns', async () => {
    const steps: number[] = [];
    // oxlint-disable-next-line typescript/require-await
    async function* counting(): AsyncGenerator<number, string, void> {
      for (const step of [1, 2, 3]) {
        steps.push(step);
        yield step;
      }
      return 'counted';
    }
    assert.equal(await finalResult(counting()), 'counted');
    assert.deepEqual(steps, [1, 2, 3]);
  });
});

/** What is made of the outcomes of prompts. */
import assert from 'node:assert/strict';
import { run } from '../../../../../diagnostics/plans/block-retrieval/run';
import { finalResult } from '../../../../../diagnostics/shared/final-result';

type Arguments = Parameters<typeof run>;

describe('the figures of block retrieval', () => {
  it('are means over heads, and of no attention at all the divergence is that of the least float32', async () => {
    const choices = ['mean', 'max', 'mass'].map((by) => ({
      ...{ by, open: 1, hits: undefined, correct: undefined, change: 0.5 },
      mass: by === 'mean' ? [[0, 1]] : [[0.5, 0.25]],
    }));
    const outcome = { tokens: 20, candidates: 2, plain: undefined, choices };
    const model = { facts: { blocks: [{ heads: 2, kvHeads: 1, headDim: 4 }] } } as unknown as Arguments[0];
    const job = {
      ...{ input: { prompts: [{ ids: [1] }] }, parameters: { block: 4, open: '1' }, variant: [] },
      step: () => Promise.resolve(outcome),
    } as unknown as Arguments[1];
    const { opened, n, sought } = await finalResult(run(model, job));
    assert.deepEqual([n, sought], [0, 0]);
    const [mean, max] = opened;
    assert.deepEqual([mean?.mass, max?.mass], [0.5, 0.375]);
    // 2^-149 and 1: 149 ln 2 / 2. 1 / 2 and 1 / 4: 3 ln 2 / 2.
    assert.ok(Math.abs((mean?.divergence ?? NaN) - 74.5 * Math.LN2) < 1e-9, String(mean?.divergence));
    assert.ok(Math.abs((max?.divergence ?? NaN) - 1.5 * Math.LN2) < 1e-12, String(max?.divergence));
  });
});

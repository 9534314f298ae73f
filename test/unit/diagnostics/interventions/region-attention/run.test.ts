/** What a run makes of the maps of its layers, by hand. */
import assert from 'node:assert/strict';
import type { AnalysisJob } from '../../../../../diagnostics/analysis';
import type { ModelRunner } from '../../../../../diagnostics/model-runner/model-runner';
import type { RegionAttentionParameters } from '../../../../../diagnostics/interventions/region-attention/change';
import { regionAttentionRun } from '../../../../../diagnostics/interventions/region-attention/run';

describe('the result of attention between regions', () => {
  it('has what regions read before and after the change, mean over heads, and the difference', async () => {
    const looked = (read: readonly (readonly number[])[]) => ({
      mixed: [0, 0],
      reference: [0, 0],
      target: [0, 0],
      between: [
        [0, 0, 0],
        [0, 0, 0],
      ],
      read,
    });
    // Summed over the two heads of the layer.
    const measured = {
      'layer 0': {
        before: looked([
          [2, 0],
          [1, 1],
        ]),
        after: looked([
          [2, 0],
          [0.5, 1.5],
        ]),
        even: 0.5,
        evenReference: 0.5,
      },
      outputs: { turned: [0.25, 0.75], divergence: 0.1, leading: [] },
    };
    const model = { facts: { blocks: [{ heads: 2 }] } } as unknown as ModelRunner;
    const job = {
      input: { prompts: [{ ids: [5, 6], tokens: ['a', 'b'] }] },
      parameters: { regions: '', isolate: 'off', beta: 1, heads: '', reposition: false, layers: '' },
      variant: [],
      groups: [],
      step: (name: keyof typeof measured) => Promise.resolve(measured[name]),
    } as unknown as AnalysisJob<RegionAttentionParameters>;
    const run = regionAttentionRun(model, job);
    let next = await run.next();
    while (!next.done) next = await run.next();
    const { readBefore, readAfter, readChange, turnedIn } = next.value;
    assert.deepEqual(readBefore, [
      [1, 0],
      [0.5, 0.5],
    ]);
    assert.deepEqual(readAfter, [
      [1, 0],
      [0.25, 0.75],
    ]);
    assert.deepEqual(readChange, [
      [0, 0],
      [-0.25, 0.25],
    ]);
    // The halves of the prompt are the regions, and no token is outside of both.
    assert.deepEqual(turnedIn, [0.25, 0.75, Number.NaN]);
  });
});

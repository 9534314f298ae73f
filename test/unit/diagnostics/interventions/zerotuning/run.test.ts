import assert from 'node:assert/strict';
import type { AnalysisJob } from '../../../../../diagnostics/analysis';
import type { ModelRunner } from '../../../../../diagnostics/model-runner/model-runner';
import type { ZeroTuningParameters } from '../../../../../diagnostics/interventions/zerotuning/parameters';
import { run } from '../../../../../diagnostics/interventions/zerotuning/run';

describe('the run of zerotuning', () => {
  it('has done nothing when it begins', async () => {
    const sample = { answers: { right: [1], wrong: [2] } };
    const model = { facts: { blocks: [{ heads: 2 }] } } as unknown as ModelRunner;
    const job = {
      parameters: { layers: 'all', gamma: 2, method: 'gradient' },
      seed: 1,
      input: { task: { samples: [sample, sample] } },
      variant: [],
    } as unknown as AnalysisJob<ZeroTuningParameters>;
    const { value } = await run(model, job).next();
    assert.ok(value && 'sentence' in value);
    assert.deepEqual([value.sentence, value.done], ['The plain model on prompt 1 of 2', 0]);
  });
});

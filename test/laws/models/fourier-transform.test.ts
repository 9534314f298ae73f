/** A model without heads: what it says to questions about heads. Its outputs are compared with its class elsewhere. */
import assert from 'node:assert/strict';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { supportOf } from '../../../diagnostics/analysis';
import { qkRank } from '../../../diagnostics/circuits/qk-rank/analysis';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { check } from '../../../protocol/schema/check';
import { object } from '../../../protocol/schema/fields';
import { modelSummary, sizeFields } from '../../../protocol/schema/parts';
import { runnerOf } from '../../support/model-jobs';
import { referenceModels } from '../../support/reference/reference-models';

describe('a Fourier transform instead of attention', () => {
  const reference = referenceModels.find(({ name }) => name === 'fnet--FNetForMaskedLM');
  if (!reference) return;

  it('has no heads, and an analysis of heads says so', async () => {
    const model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    const { spec, sessions, summary, weights, weightsFolder } = model;
    const { facts } = runnerOf(model);
    assert.deepEqual([summary.heads, summary.causal, facts.blocks.map(({ heads }) => heads)], [0, false, [0, 0]]);
    // What a saved result says of its model and its tables.
    assert.ok(check(modelSummary, summary).ok);
    assert.ok(check(object(sizeFields({ layers: 2, heads: 0 })), { layers: 2, heads: 0 }).ok);
    const { query } = await layerWeights(spec.blocks[0] ?? assert.fail(), weights, weightsFolder);
    assert.equal(query.rows, 0);
    const support = supportOf(qkRank, facts, {});
    assert.match(
      support.ok ? '' : support.why,
      /^No layer of .+ has heads, and "Rank of query-key forms" is about them/,
    );
    await sessions.release();
  });

  it('hands what is at one position to all others, also to earlier ones', async () => {
    const model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    const { spec, sessions } = model;
    const first = async (last: number): Promise<readonly number[]> => {
      const request = { ids: [5, 9, 11, last], chunk: 2, logits: 'none' } as const;
      const { layers } = await runPrompt(spec, sessions, { ...request, taps: [{ layer: 0, tap: 'attention.output' }] });
      return [...((layers[0]?.taps['attention.output']?.data ?? []) as Float32Array)].slice(0, 32);
    };
    assert.notDeepEqual(await first(7), await first(8));
    await sessions.release();
  });
});

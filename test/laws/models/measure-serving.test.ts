/** What is measured of serving: counts and bounds, no speed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { measureServing } from '../../../compute-server/model-calls/measure-serving';
import { tinyModels, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { surroundingsOf } from '../../support/model-jobs';

describe('a model measured as it would be served', function () {
  this.timeout(120_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'measure-serving-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const measured = async (request: { readonly prompt: number; readonly tokens: number }, memoryLimit = 1e9) => {
    const tiny = tinyModels.find(({ name }) => name === 'llama');
    assert.ok(tiny);
    writeTinyModel(folder, tiny, 'F32');
    const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    try {
      const surroundings = surroundingsOf({ memoryLimit });
      return {
        model,
        found: await measureServing(model, { folder, ...request }, surroundings, new AbortController().signal),
      };
    } finally {
      await model.sessions.release();
    }
  };

  it('gives times of a prompt and of tokens, rates, and the graphs that were called', async () => {
    const { model, found } = await measured({ prompt: 8, tokens: 3 });
    const graphs = model.spec.blocks.length + 2;
    assert.equal(found.rates.calls.prefill.graphs, graphs);
    assert.equal(found.rates.calls.decode.graphs, graphs);
    assert.ok(found.rates.calls.decode.nodes > 20 * model.spec.blocks.length);
    // Three rounds.
    assert.equal(found.decode.runs, 9);
    assert.ok(found.prefill.runs >= 3);
    for (const { median, fastest } of [found.prefill, found.decode]) assert.ok(fastest > 0 && fastest <= median);
    const { calls: _calls, ...rates } = found.rates;
    for (const [name, rate] of Object.entries(rates)) assert.ok(Number.isFinite(rate) && rate > 0, name);
  });

  it('refuses a prompt that does not fit in one piece', async () => {
    await assert.rejects(measured({ prompt: 2000, tokens: 1 }, 2e6), /memory|--prompt/i);
  });
});

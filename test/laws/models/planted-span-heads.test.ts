import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DivergenceRun } from '../../../diagnostics/shared/divergence/divergence-run';
import { spanMap } from '../../../diagnostics/shared/divergence/span-map';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { startReinforced } from '../../../compute-server/model/generation/reinforcement';
import { argMax } from '../../../diagnostics/model-runner/sampling';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { spanPair } from '../../../diagnostics/shared/divergence/span-pair';
import { planted, plantedPrompt, tokens, writePlantedSpanHeads } from '../../support/checkpoints/planted-span-heads';
import { runnerOf } from '../../support/model-jobs';

describe('a model whose heads are known', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-planted-'));
  let model: LoadedModel;
  before(async () => {
    writePlantedSpanHeads(folder, { visual: 8, prior: 4.2 });
    model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(async () => {
    await model.sessions.release();
    rmSync(folder, { recursive: true });
  });

  const first = async (outliers: 'paper' | 'release' | 'off') => {
    const { ids, removed } = plantedPrompt(8, 4);
    const run = await DivergenceRun.start(runnerOf(model), {
      pair: spanPair({ ids }, removed, 'contiguous'),
      chunk: 64,
      measure: { distance: 'l2', outliers, k: 3 },
      further: 0,
    });
    return run.first;
  };
  const large = [...planted.copy, planted.burst];

  it('the map of a head over the span adds up to its attention on it, token by token', async () => {
    const { ids, removed } = plantedPrompt(8, 4);
    const { visualAttention } = await first('off');
    for (const head of [planted.copy[0] ?? 0, planted.sinks[0] ?? 0]) {
      const { whole } = spanPair({ ids }, removed, 'contiguous');
      const rows = whole.groups?.[0]?.positions ?? [];
      const map = await spanMap(runnerOf(model), { sequence: whole, rows, heads: [{ layer: 1, head }] });
      assert.equal(map.length, removed.end - removed.start);
      const mass = map.reduce((sum, share) => sum + share, 0);
      assert.ok(Math.abs(mass - (visualAttention[1]?.[head] ?? NaN)) < 1e-5, `head ${head}: ${mass}`);
    }
  });

  it('the heads that copy the image and the one that bursts without it diverge, the others do not', async () => {
    const { vhd, textEnergy, visualAttention } = await first('off');
    for (const layer of [0, 1]) {
      const row = vhd[layer] ?? [];
      const smallest = Math.min(...large.map((head) => row[head] ?? NaN));
      assert.ok(smallest > 2, `${smallest}`);
      for (const head of [...planted.sinks, ...planted.previous]) {
        assert.ok((row[head] ?? NaN) < 0.05 * smallest, `layer ${layer} head ${head}: ${row[head]}`);
      }
      assert.ok((textEnergy[layer]?.[planted.burst] ?? NaN) > 20);
      for (const head of large) assert.ok((visualAttention[layer]?.[head] ?? NaN) > 0.99);
      for (const head of planted.sinks) assert.ok((visualAttention[layer]?.[head] ?? NaN) < 0.01);
    }
  });

  for (const rule of ['paper', 'release'] as const) {
    it(`the ${rule} rule sets exactly the bursting head to 0`, async () => {
      const { outlier, selected } = await first(rule);
      for (const layer of [0, 1]) {
        assert.deepEqual(
          outlier[layer],
          Array.from({ length: 8 }, (_, head) => head === planted.burst),
        );
        assert.ok(planted.copy.every((head) => selected[layer]?.[head]));
        assert.equal(selected[layer]?.[planted.burst], false);
      }
    });
  }

  it('without a rule the bursting head is selected', async () => {
    const { selected } = await first('off');
    assert.equal(selected[1]?.[planted.burst], true);
  });

  it('the word that the model says is of the language prior less often the stronger the reinforcement', async () => {
    const rates: number[] = [];
    const size = 8;
    for (const alpha of [0.5, 1, 2]) {
      let hallucinated = 0;
      for (let shown = 1; shown <= size; shown++) {
        const { ids, removed } = plantedPrompt(size, shown);
        const { run, selected } = await startReinforced(model.spec, model.sessions, {
          pair: spanPair({ ids }, removed, 'contiguous'),
          setup: {
            alpha,
            layers: [1],
            distance: 'l2',
            outliers: 'paper',
            heads: 'selected',
            normMatched: false,
            executor: 'in-graph',
            seed: 0,
          },
          chunk: 64,
        });
        assert.ok(planted.copy.every((head) => selected[1]?.[head]));
        const said = argMax(run.logits);
        assert.ok(said === tokens.object || said === tokens.partner, `token ${said}`);
        if (said === tokens.partner) hallucinated++;
      }
      rates.push(hallucinated / size);
    }

    // The margin is 8 alpha (share of image tokens that show the object) - 4.2.
    assert.deepEqual(rates, [1, 4 / size, 2 / size]);
  });

  it('plain, it says what the margin says', async () => {
    for (const [shown, word] of [
      [1, tokens.partner],
      [8, tokens.object],
    ] as const) {
      const { ids } = plantedPrompt(8, shown);
      const run = await SequenceRun.start(model.spec, model.sessions, { ids, chunk: 64 });
      assert.equal(argMax(run.logits), word);
    }
  });
});

/** Latent attention made of a trained model: emulated, written and distilled. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import type { Analysis } from '../../../diagnostics/analysis';
import { languageBatch } from '../../../diagnostics/shared/training/language-batch';
import { startingState } from '../../../diagnostics/shared/training/parameters';
import { xEcomla } from '../../../diagnostics/plans/x-ecomla/analysis';
import type { EcoMlaResult } from '../../../diagnostics/plans/x-ecomla/result';
import { usualAdam } from '../../../kernels/training/training-step';
import { distillationNetwork } from '../../../models/architectures/training-network';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike, tinyTensors, type TinyModel } from '../../support/checkpoints/tiny-models';
import { resultOf, runnerOf, surroundingsOf } from '../../support/model-jobs';

describe('latent attention of a trained model', function () {
  this.timeout(30_000);
  let folder: string;
  let corpus: string;
  const opened: OpenTiny[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-latent-'));
    corpus = join(folder, 'documents.jsonl');
    const documents = Array.from({ length: 8 }, (_, at) =>
      Array.from({ length: 24 }, (_, i) => (i * (7 + 2 * at) + 5 * at) % 61),
    );
    writeFileSync(corpus, documents.map((each) => JSON.stringify({ ids: each })).join('\n'));
  });
  after(async () => {
    for (const tiny of opened) await tiny.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (which: string | TinyModel): Promise<OpenTiny> => {
    const tiny = await openTiny(which);
    opened.push(tiny);
    return tiny;
  };

  const run = async ({ model }: OpenTiny, parameters: ParameterValues, seed = 0): Promise<EcoMlaResult> => {
    const { signal } = new AbortController();
    const analysis = xEcomla as unknown as Analysis;
    const input = { kind: 'corpus', file: corpus } as const;
    const request = { analysis: xEcomla.id, folder: model.folder, input, parameters, interventions: [], seed };
    const { runner, job } = await prepare({ opened: model, analysis, surroundings: surroundingsOf(), signal }, request);
    try {
      const own = { ...job, step: <T>(_: string, act: () => Promise<T>) => act() };
      return (await resultOf(analysis.run(runner, own))) as EcoMlaResult;
    } finally {
      await runner.close();
    }
  };

  it('full ranks, one key head and all pairs rotated: the written model is the model', async () => {
    const tiny = await open(llamaLike('llama, one key/value head', 'llama', { num_key_value_heads: 1 }));
    const written = join(folder, 'same');
    // Keys and values are 16 rows.
    const parameters = { choose: 'rank', rank: 16, rotary: 100, selection: 'pairs', folder: written };
    const { layers, all, comparison, cached } = await run(tiny, parameters);
    for (const { rank, rotary, weightError, outputError, kl } of layers) {
      assert.deepEqual([rank, rotary], [16, 8]);
      assert.ok(weightError < 1e-6 && outputError < 1e-5 && Math.abs(kl) < 1e-7);
    }
    assert.ok(Math.abs(all?.kl ?? NaN) < 1e-7);
    // 16 + 8 numbers instead of 2 · 8, in two layers of float32.
    assert.deepEqual([cached.before, cached.after], [32, 48]);
    assert.deepEqual([comparison?.before.kvBytesPerToken, comparison?.after.kvBytesPerToken], [128, 192]);
    const model = await openModel(written, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    try {
      assert.equal(model.spec.family, 'x_ecomla');
      const request = { ids, chunk: 20, logits: 'all' } as const;
      const [found, source] = [
        await runPrompt(model.spec, model.sessions, request),
        await runPrompt(tiny.model.spec, tiny.model.sessions, request),
      ].map(({ logits }) => logits?.data ?? assert.fail());
      source?.forEach((value, i) => assert.ok(Math.abs(Number(value) - Number(found?.[i])) <= 1e-4, `logit ${i}`));
    } finally {
      await model.sessions.release();
    }
  });

  it('small ranks: what is emulated in the source is what the written model does', async () => {
    const tiny = await open('llama');
    const parameters = { choose: 'rank', rank: 6, queryEnergy: 0.9, folder: join(folder, 'small') };
    const { all, loss, comparison, layers } = await run(tiny, parameters);
    assert.ok(layers.every(({ queryRank }) => (queryRank ?? 32) < 32));
    assert.ok((all?.kl ?? NaN) > 1e-2);
    assert.ok(Math.abs((all?.loss ?? NaN) - (comparison?.after.loss ?? NaN)) <= 1e-5);
    assert.ok(Math.abs(loss - (comparison?.before.loss ?? NaN)) <= 1e-5);
  });

  it('a student that is its teacher has no divergence and no gradient', async () => {
    const { model, tiny } = await open('llama');
    const network = distillationNetwork('llama', model.spec, tiny.shapes);
    const parameters = Object.fromEntries([...tinyTensors(tiny)].map(([name, { data }]) => [name, data]));
    const { logits } = await runPrompt(model.spec, model.sessions, { ids, chunk: 20, logits: 'all' });
    const { targets: _, ...batch } = languageBatch(model.spec, [{ ids, weights: ids.map(() => 1) }]);
    const teacher = (logits?.data as Float32Array).slice(0, 19 * 61);
    const runner = runnerOf(model);
    const task = {
      network,
      adam: usualAdam,
      seed: 0,
      rate: () => 0,
      batch: () => ({ ...batch, teacher: { data: teacher, shape: [1, 19, 61] } }),
    };
    const { points } = await runner.trainer.advance(task, startingState(network, parameters), 1);
    await runner.close();
    const [{ loss, norm } = { loss: NaN, norm: NaN }] = points;
    assert.ok(Math.abs(loss) <= 1e-6, `${loss}`);
    assert.ok(norm <= 1e-5, `${norm}`);
  });

  it('distillation lowers the divergence, and singular values stay ahead of random numbers', async () => {
    const tiny = await open('llama');
    const kl = async (initialisation: string, seed: number) => {
      const parameters = { choose: 'rank', rank: 12, selection: 'pairs', steps: 60, rate: 0.003, initialisation };
      return (await run(tiny, parameters, seed)).distillation?.kl ?? assert.fail();
    };
    const own = await kl('svd', 0);
    assert.ok(own.after < own.before);
    for (const seed of [1, 2, 3]) {
      const drawn = await kl('random', seed);
      assert.ok(drawn.after < drawn.before);
      assert.ok(own.after < drawn.after, `seed ${seed}: ${own.after}, not below ${drawn.after}`);
    }
  });
});

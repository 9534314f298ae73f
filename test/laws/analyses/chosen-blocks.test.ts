/** The analyses `longheads` and `block-retrieval`: what they say of heads, recomputed; answers beyond the length that a model knows. */
import assert from 'node:assert/strict';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { Analysis, AnalysisJob, ReadInput } from '../../../diagnostics/analysis';
import { blockRetrievalAnalysis } from '../../../diagnostics/plans/block-retrieval/analysis';
import { longheadsAnalysis } from '../../../diagnostics/plans/longheads/analysis';
import { passKeys } from '../../../diagnostics/plans/longheads/pass-keys';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { taskInfo, type Sample } from '../../../diagnostics/tasks/task';
import { passkey } from '../../../diagnostics/tasks/passkey';
import { shortDemoLm } from '../../support/demo-models';
import { openTiny, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { openPlanted } from '../../support/checkpoints/open-planted';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { runnerOf } from '../../support/model-jobs';

const jobOf = <P extends ParameterValues>(parameters: P, samples: readonly Sample[]): AnalysisJob<P> => ({
  input: {
    given: { kind: 'task', task: 'passkey', samples: samples.length },
    prompts: [],
    task: { task: taskInfo(passkey), samples, notes: [] },
  } satisfies ReadInput,
  parameters,
  variant: [],
  groups: [],
  seed: 0,
  step: (_, act) => act(),
});

async function resultOf<P extends ParameterValues, R extends Readonly<Record<string, unknown>>>(
  analysis: Analysis<P, R>,
  model: LoadedModel,
  parameters: P,
  samples: readonly Sample[],
): Promise<R> {
  const running = analysis.run(runnerOf(model), jobOf(parameters, samples));
  for (;;) {
    const step = await running.next();
    if (step.done) return step.value;
  }
}

describe('analyses of chosen blocks', function () {
  this.timeout(120_000);

  it('block retrieval refuses scores that blocks are not chosen by, as the intervention does', async () => {
    const tiny = await openPlanted(
      randomCheckpoint({
        ...{ model_type: 'bloom', architectures: ['BloomForCausalLM'], vocab_size: 61, hidden_size: 24 },
        ...{ n_head: 4, n_layer: 1, layer_norm_epsilon: 1e-5 },
      }),
    );
    const found = blockRetrievalAnalysis.supports(runnerOf(tiny.model).facts, { block: 4, open: '1' });
    await assert.rejects(
      runnerOf(tiny.model).weights.layer(0),
      /^FailureError: unsupported: The model adds to its scores/,
    );
    await tiny.close();
    assert.match(
      found.ok ? '' : found.why,
      /^Layer 0 adds to its scores what depends on distance, which blocks are not/,
    );
  });

  it('longheads: answers at 1,500 tokens what the plain model does not, and nothing changes at 400', async () => {
    const model = await openModel(shortDemoLm, { device: 'cpu', threads: 1, limitBytes: 4e9 });
    const runner = runnerOf(model);
    const far = await passKeys(runner, { count: 2, seed: 5, length: 1500 });
    const near = await passKeys(runner, { count: 1, seed: 5, length: 400 });
    const parameters = { chunk: 64, budget: 512, begin: 0 };
    const result = await resultOf(longheadsAnalysis, model, parameters, [...near, ...far]);
    await model.sessions.release();
    const [below, beyond] = result.lengths;
    assert.deepEqual([below?.n, beyond?.n], [1, 2]);
    assert.deepEqual(below?.long, below?.plain);
    assert.ok((beyond?.long.correct ?? 0) - (beyond?.plain.correct ?? 0) >= 2, JSON.stringify(beyond));
    for (const { position, plain, long } of result.positions) if (position < 512) assert.equal(long, plain);
    assert.ok(result.ranked >= 1);
    assert.ok(result.ranks.flat().every((rank) => rank >= 1 && rank <= result.candidates));
    assert.ok(result.coverage.every(({ opened, share }) => opened >= 5 && share <= 1));
  });

  describe('block-retrieval on a tiny llama', () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny('llama');
    });
    after(() => tiny.close());

    it('attention read and hits are those of the probabilities of the plain run', async () => {
      const { model } = tiny;
      const ids = Array.from({ length: 26 }, (_, i) => (i * i * 5 + 11 * i) % 61);
      const last = ids.length - 1;
      const [block, k] = [3, 2];
      const needle = [7, 8];
      const sample: Sample = {
        prompt: { ids, text: '' },
        answers: { right: [3], wrong: [], rest: [], texts: { right: [], wrong: [] } },
        roles: { needle },
        facts: {},
      };
      const result = await resultOf(blockRetrievalAnalysis, model, { block, open: String(k) }, [sample]);
      const taps = model.spec.blocks.map(({ index }) => ({ layer: index, tap: 'attention.probabilities' as const }));
      const { layers } = await runnerOf(model).run({ ids, logits: 'none', taps });
      const candidates = Array.from({ length: Math.floor(last / block) - 2 }, (_, at) => at + 1);
      const read: number[] = [];
      const hit: number[] = [];
      for (const [layer, { heads }] of runnerOf(model).facts.blocks.entries()) {
        const data = layers[layer]?.taps['attention.probabilities']?.data as Float32Array;
        for (let head = 0; head < heads; head++) {
          const row = data.subarray(
            (head * ids.length + last) * ids.length,
            (head * ids.length + last + 1) * ids.length,
          );
          const mass = (c: number) => row[c * block]! + row[c * block + 1]! + row[c * block + 2]!;
          const best = [...candidates].sort((a, b) => mass(b) - mass(a)).slice(0, k);
          read.push(1 - candidates.filter((c) => !best.includes(c)).reduce((sum, c) => sum + mass(c), 0));
          hit.push(best.includes(2) ? 1 : 0);
        }
      }
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      const found = result.opened.find(({ by }) => by === 'mass');
      assert.ok(Math.abs((found?.mass ?? 0) - mean(read)) < 1e-5);
      assert.ok(Math.abs((found?.divergence ?? 0) - mean(read.map((each) => -Math.log(each)))) < 1e-5);
      assert.equal(found?.hits, mean(hit));
      // Nothing holds more attention than the blocks that are chosen by it.
      for (const { mass } of result.opened) assert.ok(mass <= (found?.mass ?? 0) + 1e-6);
      const { heads, kvHeads, headDim } = model.spec.blocks[0]!.attention!;
      const all = model.spec.blocks.length;
      assert.deepEqual(result.bytes, [
        {
          open: k,
          resident: 8 * 4 * kvHeads * headDim * all,
          whole: 2 * 26 * 4 * kvHeads * headDim * all,
          read: 2 * 15 * 4 * heads * headDim * all,
        },
      ]);
    });
  });
});

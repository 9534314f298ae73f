/** ZeroTuning of an induction circuit whose second head is held back by a sink on the first token. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { scoreTask } from '../../../diagnostics/shared/accuracy/score';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { zeroTuning as analysis } from '../../../diagnostics/interventions/zerotuning/analysis';
import { questionsOf } from '../../../diagnostics/shared/labelled-heads/questions';
import { answered, tuned } from '../../../diagnostics/interventions/zerotuning/measure';
import type { ZeroTuningResult } from '../../../diagnostics/interventions/zerotuning/result';
import { plantedCircuit } from '../../support/checkpoints/planted-circuit';
import { writeSafetensors } from '../../support/safetensors-file';
import { writeConfig } from '../../support/checkpoints/tiny-models';
import { surroundingsOf } from '../../support/model-jobs';

/** A column of the head's queries and keys that the circuit does not use. */
const free = 64;
/** Query and key of the sink: with them token 0 outweighs the copied token by about e^2. */
const strength = 6;

const key = (of: { layer: number; head: number }): string => `${of.layer}.${of.head}`;

describe('zerotuning of a planted circuit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-sink-'));
  let model: LoadedModel;
  before(async () => {
    const { config, tensors } = plantedCircuit();
    const [bias, weight] = ['bias', 'weight'].map((name) => tensors.get(`transformer.h.1.attn.c_attn.${name}`)?.data);
    const hidden = Number(config['n_embd']);
    assert.ok(bias && weight);
    bias[free] = strength;
    weight[hidden + free] = strength;
    writeConfig(folder, config);
    writeSafetensors(join(folder, 'model.safetensors'), tensors);
    model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(async () => {
    await model.sessions.release();
    rmSync(folder, { recursive: true });
  });

  /** What the sink writes, the first token, is the wrong answer. */
  const started = async (parameters: ParameterValues = {}, interventions: readonly Intervention[] = []) => {
    const { runner, job } = await prepare(
      { opened: model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: analysis.id,
        folder,
        input: { kind: 'task', task: 'induction', samples: 8, taskParameters: { length: 12, repeated: 4 } },
        parameters,
        interventions,
        seed: 3,
      },
    );
    const { task } = job.input;
    assert.ok(task);
    const samples = task.samples.map((sample) => ({
      ...sample,
      answers: { ...sample.answers, wrong: sample.prompt.ids.slice(0, 1) },
    }));
    return { runner, job: { ...job, input: { ...job.input, task: { ...task, samples } } } };
  };
  type Prepared = Awaited<ReturnType<typeof started>>;
  const direct = <T>(_: string, act: () => Promise<T>): Promise<T> => act();
  const finished = async (runner: Prepared['runner'], job: Prepared['job']): Promise<ZeroTuningResult> => {
    const steps = analysis.run(runner, { ...job, step: direct } as never);
    for (;;) {
      const next = await steps.next();
      if (next.done) return next.value;
    }
  };
  const run = async (parameters: ParameterValues = {}): Promise<ZeroTuningResult> => {
    const { runner, job } = await started(parameters);
    return finished(runner, job);
  };

  it('labels the head down-effective, heads that write nothing neutral, and finds the gamma that frees it', async () => {
    const result = await run();
    assert.ok((result.firstTokenMass[1]?.[0] ?? 0) > 0.5);
    assert.ok(result.downEffective.map(key).includes('1.0'));
    assert.ok((result.down[1]?.[0] ?? 0) > 0 && (result.up[1]?.[0] ?? 0) < 0);
    for (const layer of [0, 1]) {
      assert.deepEqual([result.up[layer]?.[1], result.down[layer]?.[1]], [0, 0]);
      assert.ok(![...result.upEffective, ...result.downEffective].map(key).includes(`${layer}.1`));
    }
    assert.equal(result.direction, 'down');
    assert.deepEqual(result.chosen.map(key), ['1.0']);
    assert.ok(result.best < 0.3, `gamma ${result.best}`);
    const { before: plain, after: freed, n } = result.heldOut;
    assert.deepEqual([plain, freed, n], [0, 1, 4]);
    const [offer] = analysis.offers?.(result) ?? [];
    assert.deepEqual(offer?.interventions, [
      { kind: 'bias', layer: 1, head: 0, keys: { start: 0, end: 1 }, bias: Number(Math.log(result.best).toFixed(5)) },
    ]);
  });

  it('what it offers can be judged on a task of any lengths by other analyses', async () => {
    const gamma = 0.1;
    const interventions = [
      { kind: 'bias', layer: 1, head: 0, keys: { start: 0, end: 1 }, bias: Math.log(gamma) },
    ] as const;
    const { runner, job } = await started({}, interventions);
    const { samples } = job.input.task;
    const [score] = await scoreTask(runner, samples, 'loss', [job.variant]);
    for (const [at, question] of questionsOf(samples).entries()) {
      const [own] = await answered(runner, question, [tuned([], [{ layer: 1, head: 0 }], gamma)]);
      assert.ok(Math.abs((score?.samples[at]?.loss ?? 0) + (own?.logProbability ?? 0)) < 1e-5);
    }
    const elsewhere = [{ ...interventions[0], keys: { start: 1, end: 2 } }];
    await assert.rejects(started({}, elsewhere), /means positions of one/);
  });

  it('finds it by the entropy of the next token too, without the answers', async () => {
    const result = await run({ target: 'entropy', layers: 'deep' });
    assert.deepEqual(result.chosen.map(key), ['1.0']);
    assert.ok(result.up[0]?.every(Number.isNaN), 'layer 0 is not of the last third');
    assert.ok(
      (result.curve.find(({ gamma }) => gamma === result.best)?.calibration.entropy ?? 9) <=
        Math.min(...result.curve.map(({ calibration }) => calibration.entropy)),
    );
  });

  for (const target of ['labels', 'entropy'])
    it(`the sensitivity is the derivative of the target by ln gamma: ${target}`, async () => {
      const { runner, job } = await started({ target });
      const [sample] = job.input.task.samples;
      assert.ok(sample);
      const task = { ...job.input.task, samples: [sample, sample] };
      const { sensitivity } = await finished(runner, { ...job, input: { ...job.input, task } });
      const [question] = questionsOf([sample]);
      assert.ok(question);
      const slope = async (step: number): Promise<number> => {
        const variants = [step, -step].map((h) => tuned([], [{ layer: 1, head: 0 }], Math.exp(h)));
        const [more, less] = await answered(runner, question, variants);
        const value = (one = more): number =>
          target === 'entropy' ? -(one?.entropy ?? 0) : (one?.logProbability ?? 0);
        return (value(more) - value(less)) / (2 * step);
      };
      // Richardson's extrapolation of coarser differences: its error is of the fourth order.
      const expected = (4 * (await slope(0.1)) - (await slope(0.2))) / 3;
      const found = sensitivity?.[1]?.[0] ?? Number.NaN;
      assert.ok(Math.abs(expected) > 1e-3);
      assert.ok(Math.abs(found - expected) < 5e-3 * Math.abs(expected), `${found}, not ${expected}`);
    });

  it('profiled by gradients finds the same head, at ln gamma times the sensitivity', async () => {
    const { up, down, sensitivity, downEffective, chosen, best, heldOut } = await run({ method: 'gradient', gamma: 4 });
    assert.ok(downEffective.map(key).includes('1.0'));
    assert.deepEqual(chosen.map(key), ['1.0']);
    assert.ok(best < 0.3 && heldOut.after === 1, `gamma ${best}`);
    up.forEach((row, layer) =>
      row.forEach((gain, head) => {
        const expected = Math.log(4) * (sensitivity[layer]?.[head] ?? Number.NaN);
        assert.ok(Math.abs(gain - expected) < 1e-9 && Math.abs((down[layer]?.[head] ?? 0) + expected) < 1e-9);
      }),
    );
  });

  it('asked for the head, shows its last row before and after', async () => {
    const result = await run();
    const { runner, job } = await started();
    const question = { section: 'chosen', place: { kind: 'row', row: 0 } } as const;
    const section = await analysis.ask?.(runner, { ...job, step: direct } as never, result, question);
    assert.ok(section?.kind === 'tokens');
    const [before, after] = section.numbers.map(({ values }) => values[0] ?? Number.NaN);
    const d = (result.best - 1) * (before ?? 0) + 1;
    assert.ok(Math.abs((after ?? 0) - (result.best * (before ?? 0)) / d) < 1e-6);
    assert.ok((before ?? 0) > 0.5 && (after ?? 1) < (before ?? 0));
  });
});

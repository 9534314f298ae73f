/** Calibration of later sinks on a planted checkpoint: a head that a sink distracts, one whose sink holds the answer, one that is idle. */
import assert from 'node:assert/strict';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import { act as analysis } from '../../../diagnostics/interventions/act/analysis';
import type { ActResult } from '../../../diagnostics/interventions/act/result';
import { answered, questionsOf } from '../../../diagnostics/shared/labelled-heads/questions';
import type { Sample } from '../../../diagnostics/tasks/task';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import {
  answerPosition,
  delimiterPosition,
  distractedHead,
  distractedPrompt,
  helpedHead,
  plantedDistraction,
} from '../../support/checkpoints/planted-distraction';
import { surroundingsOf } from '../../support/model-jobs';

const samplesOf = (count: number): readonly Sample[] =>
  Array.from({ length: count }, (_, at) => {
    const { ids, right, wrong } = distractedPrompt(at);
    const texts = { right: [String(right)], wrong: wrong.map(String) };
    return { prompt: { text: '', ids }, answers: { right: [right], wrong, rest: [], texts }, roles: {}, facts: {} };
  });

const samples = samplesOf(16);

describe('act of a planted distraction', () => {
  let planted: OpenPlanted;
  before(async () => {
    planted = await openPlanted(plantedDistraction());
  });
  after(() => planted.close());

  const started = async (parameters: ParameterValues = {}, given = samples) => {
    const { model } = planted;
    const { runner, job } = await prepare(
      { opened: model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: analysis.id,
        folder: model.folder,
        input: { kind: 'task', task: 'induction', samples: 2, taskParameters: { length: 8, repeated: 3 } },
        parameters: { skipFirst: 0, skipLast: 0, ...parameters },
        interventions: [],
        seed: 5,
      },
    );
    const { task } = job.input;
    assert.ok(task);
    const direct = <T>(_: string, work: () => Promise<T>): Promise<T> => work();
    return { runner, job: { ...job, step: direct, input: { ...job.input, task: { ...task, samples: given } } } };
  };
  const run = async (parameters: ParameterValues = {}, given = samples): Promise<ActResult> => {
    const { runner, job } = await started(parameters, given);
    const steps = analysis.run(runner, job as never);
    for (;;) {
      const next = await steps.next();
      if (next.done) return next.value;
    }
  };

  it('finds the sinks of each head, and their tokens', async () => {
    const { sinks, places, kinds, headsWithSinks, layers, firstMass, sinkMass } = await run();
    assert.deepEqual(sinks, [[1, 1, 1, 0]]);
    assert.equal(headsWithSinks, 3);
    assert.deepEqual(
      places.map(({ position, heads }) => [position, heads]),
      [
        [delimiterPosition, 2],
        [answerPosition, 1],
      ],
    );
    // Two heads have the delimiter as a sink and one the answer, in each of the 16 prompts, a quarter of which has each label.
    assert.deepEqual(
      kinds.map((one) => [one.sinks, one.stands]),
      [...new Array<number[]>(4).fill([8, 4]), ...new Array<number[]>(4).fill([4, 4])],
    );
    assert.ok(Math.abs(kinds.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
    const [layer] = layers;
    assert.ok(layer && Math.abs(layer.sinks - 0.75) < 1e-9);
    assert.ok(Math.abs(layer.firstMass + layer.sinkMass + layer.restMass - 1) < 1e-9);
    assert.ok((sinkMass[0]?.[0] ?? 0) > 0.4 && (firstMass[0]?.[0] ?? 0) > 0.2);
    assert.equal(sinkMass[0]?.[3], 0);
  });

  it('chooses the head that is distracted alone, and the held-out prompts are answered', async () => {
    const result = await run();
    const { profile, chosen, heldOut, methods, curve, tried, triedWithSinks } = result;
    const [[distracted = 0, helped = 0, idle, even] = []] = profile;
    assert.ok(distracted > 0.05, `gain of the distracted head: ${distracted}`);
    assert.ok(helped < -0.001, `gain of the head whose sink helps: ${helped}`);
    assert.ok(Math.abs(idle ?? 1) < 1e-5);
    assert.equal(even, 0);
    assert.deepEqual([tried, triedWithSinks], [4, 3]);
    assert.deepEqual(
      chosen.map(({ layer, head, value }) => ({ layer, head, value })),
      [{ ...distractedHead, value: 0.4 }],
    );
    assert.deepEqual(heldOut, { before: 0, after: 1, change: 1, low: 1, high: 1, n: 8 });
    const method = (name: string) => methods.find((one) => one.name.includes(name)) ?? assert.fail(name);
    // Drawn are the two other heads with sinks, of which one loses and one does nothing.
    const random = methods.filter(({ name }) => name.startsWith('1 head at random'));
    assert.equal(random.length, 3);
    random.forEach(({ gain }) => assert.ok(gain < 1e-5));
    assert.ok(method('pushed').gain < 0, 'the other way round is worse');
    assert.ok(method('all 3 heads').gain < method('chosen heads').gain);
    const accuracies = curve.map(({ beta, heldOut: { logProbability } }) => [beta, logProbability]);
    assert.deepEqual(
      accuracies.map(([beta]) => beta),
      [0, 0.2, 0.4, 0.6, 0.8, 1],
    );
    accuracies.reduce(([, before = 0], [beta, now = 0]) => {
      assert.ok(now < before, `beta ${beta} leaves more on the sink`);
      return [beta ?? 0, now];
    });
    assert.match(
      analysis.finding(result),
      /1 of 3 heads with sinks gain more than 1 standard error\. .* from 0 % to 100 %/,
    );
  });

  it('by successive halving chooses the same head, and tries the worst on half of the prompts', async () => {
    const { seen, chosen, profile } = await run({ halving: true, random: 0 }, samplesOf(32));
    assert.deepEqual(
      chosen.map(({ head }) => head),
      [distractedHead.head],
    );
    // The better two of the three heads with sinks go on.
    assert.deepEqual([seen[0]?.[distractedHead.head], seen[0]?.[helpedHead.head]], [16, 8]);
    assert.ok((profile[0]?.[helpedHead.head] ?? 0) < 0);
  });

  it('offers what was measured, as an intervention', async () => {
    const [offer] = analysis.offers?.(await run()) ?? [];
    assert.ok(offer);
    const { runner } = await started();
    for (const question of questionsOf(samples.slice(0, 2))) {
      const { variant } = await runner.variant(offer.interventions, question.sample.prompt);
      const [one] = await answered(runner, question, [variant]);
      assert.equal(one?.correct, true);
    }
  });

  it('by a strength that no column has it chooses nothing and says so', async () => {
    const result = await run({ rule: 'strength', strength: 0.9 });
    assert.deepEqual([result.chosen, result.headsWithSinks, result.heldOut.change], [[], 0, 0]);
    assert.match(analysis.finding(result), /^No head has a later sink .* nothing to calibrate\.$/);
  });

  it('asked for a head, shows its last row before and after: beta of what it gave the sink', async () => {
    const { runner, job } = await started();
    const question = { section: 'heads', place: { kind: 'head', ...helpedHead } } as const;
    const section = await analysis.ask?.(runner, job as never, await run(), question);
    assert.ok(section?.kind === 'tokens');
    const [strength, before, after] = section.numbers.map(({ values }) => values[answerPosition] ?? Number.NaN);
    assert.ok((strength ?? 0) > 5 / (samples[0]?.prompt.ids.length ?? 0));
    assert.ok(Math.abs((after ?? 0) - 0.4 * (before ?? 0)) < 1e-6);
    assert.equal(section.classes?.of.filter((one) => one === 1).length, 1);
  });
});

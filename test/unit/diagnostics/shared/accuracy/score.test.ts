/** The metrics by hand, on logits that are known. */
import { changesOf, type Variant } from '../../../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import type { ModelFacts, ModelRunner } from '../../../../../diagnostics/model-runner/model-runner';
import type { RunRequest } from '../../../../../diagnostics/model-runner/run-request';
import type { Sample } from '../../../../../diagnostics/tasks/task';
import { scoreOf, scoreTask, summaryOf } from '../../../../../diagnostics/shared/accuracy/score';
import type { AnswerScore } from '../../../../../protocol/analysis/tasks';
import { FailureError } from '../../../../../protocol/wire/failures';

const near = (a: number, b: number, what?: string): void =>
  assert.ok(Math.abs(a - b) < 1e-6, `${what}: ${a}, not ${b}`);

describe('scoreOf', () => {
  // Probabilities 1/10, 2/10, 3/10, 4/10.
  const logits = Float32Array.from([1, 2, 3, 4].map(Math.log));

  it('gives the numbers that a hand calculation gives', () => {
    const score = scoreOf(logits, { right: [3], wrong: [0, 1] });
    assert.equal(score.correct, true);
    near(score.probability, 0.4);
    near(score.probabilityDifference, 0.1);
    near(score.loss, Math.log(2.5));
    near(score.logitDifference, Math.log(4) - Math.log(2) / 2);
  });

  it('several right answers count together, and one that leads is enough', () => {
    const score = scoreOf(logits, { right: [0, 3], wrong: [2] });
    assert.equal(score.correct, true);
    near(score.probability, 0.5);
    near(score.probabilityDifference, 0.2);
    near(score.logitDifference, Math.log(4) / 2 - Math.log(3));
    assert.equal(scoreOf(logits, { right: [0, 1], wrong: [] }).correct, false);
    assert.ok(Number.isNaN(scoreOf(logits, { right: [0], wrong: [] }).logitDifference));
  });
});

describe('summaryOf', () => {
  const scores = (correct: number, n: number): AnswerScore[] =>
    Array.from({ length: n }, (_, at) => ({
      correct: at < correct,
      logitDifference: [1, 2, 3, 4][at % 4] ?? 0,
      probability: 0,
      probabilityDifference: 0,
      loss: 0,
    }));

  it("Wilson's interval is the published one", () => {
    // Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for (const [correct, n, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const) {
      const { accuracy } = summaryOf(scores(correct, n), 'accuracy');
      assert.ok(Math.abs(accuracy.low - low) < 5e-5 && Math.abs(accuracy.high - high) < 5e-5, `${correct} of ${n}`);
    }
  });

  it("the mean has Student's interval", () => {
    // Mean 2.5, standard deviation 1.2910, t of 3 degrees of freedom 3.1824: 2.5 ± 2.0543.
    const { metric } = summaryOf(scores(0, 4), 'logit-difference');
    near(metric.mean, 2.5);
    assert.ok(Math.abs(metric.low - 0.4457) < 1e-4 && Math.abs(metric.high - 4.5543) < 1e-4);
    assert.ok(Number.isNaN(summaryOf(scores(1, 1), 'logit-difference').metric.low));
    // Losses 1, 2, 3, 12: mean 4.5, standard deviation 5.0662, reach 8.0615; a loss is never negative.
    const losses = scores(0, 4).map((score, at) => ({ ...score, loss: [1, 2, 3, 12][at] ?? 0 }));
    const { low, high } = summaryOf(losses, 'loss').metric;
    assert.equal(low, 0);
    assert.ok(Math.abs(high - 12.5615) < 1e-3);
  });
});

describe('scoreTask', () => {
  const sample = (ids: readonly number[], right: number, rest: readonly number[] = []): Sample => ({
    prompt: { text: '', ids },
    answers: { right: [right], wrong: [0], rest, texts: { right: [''], wrong: [''] } },
    roles: {},
    facts: {},
  });
  /** Its next token is the last one plus one, and plus the gain of a variant. */
  const counting = (asked: RunRequest[], most = 99): ModelRunner => {
    const after = (id: number, more = 0) =>
      Float32Array.from({ length: 10 }, (_, at) => (at === id + 1 + more ? 5 : 0));
    const runner: Partial<ModelRunner> = {
      facts: { predicts: true } as ModelFacts,
      pieces: (ids) => ids.map((id) => `t${id}`),
      run(request) {
        asked.push(request);
        const rows = request.variantIds ?? [request.ids];
        if (rows.length > most) {
          return Promise.reject(new FailureError({ code: 'out-of-memory', neededBytes: 2, limitBytes: 1 }));
        }
        const data = Float32Array.from(
          rows.flatMap((ids, at) => [
            ...after(ids.at(-1) ?? 0, changesOf(request.variants?.[at] ?? [], 'gain')[0]?.gain),
          ]),
        );
        return Promise.resolve({ layers: [], logits: { data, shape: [rows.length, 1, 10] } });
      },
      continuation: ({ sequence }) =>
        Promise.resolve({
          logits: after(sequence.ids.at(-1) ?? 0),
          observation: undefined,
          length: sequence.ids.length,
          chunk: sequence.ids.length,
          canGoOn: true,
          cacheBytes: () => ({ bytes: 0, bytesFull: 0, allocated: 0, maskedLayers: 0 }),
          extend: (ids) => Promise.resolve({ logits: after(ids.at(-1) ?? 0), observations: [] }),
        }),
    };
    return runner as ModelRunner;
  };
  const samples = [sample([1, 2], 3), sample([4], 5), sample([2, 1], 7), sample([1, 1], 2)];

  it('runs prompts of one length side by side and keeps their order', async () => {
    const asked: RunRequest[] = [];
    const [score] = await scoreTask(counting(asked), samples, 'logit-difference');
    assert.deepEqual(
      score?.samples.map(({ correct }) => correct),
      [true, true, false, true],
    );
    assert.deepEqual(
      asked.map(({ variantIds, logits }) => [variantIds?.length, logits]),
      [
        [3, 'last'],
        [1, 'last'],
      ],
    );
    assert.deepEqual([score?.accuracy.correct, score?.accuracy.n], [3, 4]);
    near(score?.metric.mean ?? 0, 3.75);
    assert.deepEqual(
      score?.samples.map(({ top }) => top),
      ['t3', 't5', 't2', 't2'],
    );
  });

  it('runs fewer at a time where the memory does not suffice, and fails where one does not fit', async () => {
    const [whole] = await scoreTask(counting([]), samples, 'loss');
    const [halves] = await scoreTask(counting([], 2), samples, 'loss');
    assert.deepEqual(halves, whole);
    await assert.rejects(scoreTask(counting([], 0), samples, 'loss'), FailureError);
  });

  it('scores variants apart', async () => {
    const shifted: Variant = [{ kind: 'gain', layer: 0, head: 0, gain: 1 }];
    const [plain, other] = await scoreTask(counting([]), samples, 'accuracy', [[], shifted]);
    assert.equal(plain?.accuracy.correct, 3);
    assert.equal(other?.accuracy.correct, 0);
  });

  it('an answer of several tokens is correct when all of them follow', async () => {
    const long = [sample([1, 2], 3, [4, 5]), sample([1, 2], 3, [4, 6])];
    const [score] = await scoreTask(counting([]), long, 'accuracy');
    assert.deepEqual(
      score?.samples.map(({ correct }) => correct),
      [true, false],
    );
  });
});

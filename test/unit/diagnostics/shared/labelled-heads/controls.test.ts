import assert from 'node:assert/strict';
import {
  fittedTemperature,
  labelBias,
  withLabelBias,
  withTemperature,
} from '../../../../../diagnostics/shared/labelled-heads/controls';
import {
  labelLogProbability,
  questionsOf,
  type Answered,
} from '../../../../../diagnostics/shared/labelled-heads/questions';
import type { Sample } from '../../../../../diagnostics/tasks/task';

const near = (a: number, b: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a}, not ${b}`);

describe('controls on labels', () => {
  const answer = (logits: readonly number[]): Answered => ({
    logits,
    right: 1,
    logProbability: 0,
    entropy: 0,
    correct: (logits[0] ?? 0) > Math.max(...logits.slice(1)),
  });
  const sample = (right: number, wrong: readonly number[]): Sample => ({
    prompt: { text: '', ids: [0] },
    answers: { right: [right], wrong, rest: [], texts: { right: [''], wrong: [''] } },
    roles: {},
    facts: {},
  });

  it('the temperature is the one that makes the labels most probable', () => {
    // Two of three are right by a logit of 3: the best p has logit ln 2, so the temperature is 3 / ln 2.
    const answers = [answer([3, 0]), answer([3, 0]), answer([0, 3])];
    const temperature = fittedTemperature(answers);
    near(temperature, 3 / Math.LN2, 1e-6);
    const [first] = answers;
    near(labelLogProbability(withTemperature(first ?? assert.fail(), temperature).logits, 1), Math.log(2 / 3), 1e-6);
    assert.ok(Number.isNaN(fittedTemperature([answer([3])])));
  });

  it('a label that the model always prefers is taken back', () => {
    // Label 7 has 3 logits too many: without the bias every answer is 7.
    const questions = questionsOf([sample(7, [8]), sample(8, [7])]);
    const answers = [answer([4, 0]), answer([0, 2])];
    const bias = labelBias(questions, answers);
    assert.ok(bias);
    const p = (logit: number): number => 1 / (1 + Math.exp(-logit));
    near(bias.get(7) ?? 0, Math.log((p(4) + p(2)) / 2));
    const corrected = questions.map((question, at) => withLabelBias(answers[at] ?? assert.fail(), question, bias));
    assert.deepEqual(
      answers.map(({ correct }) => correct),
      [true, false],
    );
    assert.deepEqual(
      corrected.map((one) => one?.correct),
      [true, true],
    );
    assert.equal(labelBias(questionsOf([sample(7, [8]), sample(9, [7])]), answers), undefined);
  });

  it('prompts without wrong answers are asked for one of the answers of the set, where these are few', () => {
    const [first, second] = questionsOf([sample(7, []), sample(3, [])]);
    assert.deepEqual(
      [first?.labels, second?.labels],
      [
        [7, 3],
        [3, 7],
      ],
    );
    const many = questionsOf(Array.from({ length: 40 }, (_, id) => sample(id, [])));
    assert.deepEqual(many[5]?.labels, [5]);
  });
});

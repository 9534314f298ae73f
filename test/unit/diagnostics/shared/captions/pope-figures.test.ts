/** Scores of POPE with intervals, by hand. */
import assert from 'node:assert/strict';
import { isClearAnswer, popeQuestions } from '../../../../../diagnostics/shared/captions/pope';
import { popeChange, popeFigures, type ReadAnswer } from '../../../../../diagnostics/shared/captions/pope-figures';

const answer = (image: number, label: 'yes' | 'no', readAs: 'yes' | 'no', clear = true): ReadAnswer => ({
  image: `${image}.png`,
  label,
  readAs,
  clear,
});
const near = (value: number | undefined, expected: number): void =>
  assert.ok(Math.abs((value ?? Number.NaN) - expected) < 1e-9, `${value} instead of ${expected}`);

describe('figures of POPE', () => {
  it('are the shares of the counts, each inside its interval', () => {
    const rows = Array.from({ length: 8 }, (_, at) => [
      answer(at, 'yes', at < 6 ? 'yes' : 'no'),
      answer(at, 'no', at < 2 ? 'yes' : 'no', at > 0),
    ]).flat();
    const figures = popeFigures(rows);
    const { truePositives, falsePositives, trueNegatives, falseNegatives, questions, unclear } = figures;
    assert.deepEqual([truePositives, falsePositives, trueNegatives, falseNegatives], [6, 2, 6, 2]);
    assert.deepEqual([questions, unclear], [16, 1]);
    near(figures.accuracy?.value, 12 / 16);
    near(figures.precision?.value, 6 / 8);
    near(figures.recall?.value, 6 / 8);
    near(figures.f1?.value, 12 / 16);
    near(figures.yesRatio?.value, 8 / 16);
    for (const share of [figures.accuracy, figures.precision, figures.recall, figures.f1, figures.yesRatio]) {
      assert.ok(share && share.low < share.value && share.high > share.value && share.low >= 0 && share.high <= 1);
    }
  });

  it('a model that always says no has no precision, and an F1 of 0', () => {
    const figures = popeFigures([answer(0, 'yes', 'no'), answer(0, 'no', 'no')]);
    assert.equal(figures.precision, null);
    assert.equal(figures.f1?.value, 0);
    assert.equal(figures.yesRatio?.value, 0);
    assert.equal(popeFigures([]).accuracy, null);
  });

  it('the change is that of the same questions, from six changed pictures on', () => {
    const plain = Array.from({ length: 9 }, (_, at) => answer(at, 'yes', 'no'));
    const better = (changed: number) =>
      plain.map((one, at) => (at < changed ? { ...one, readAs: 'yes' as const } : one));
    assert.deepEqual(popeChange(plain, better(5)), { accuracy: null, f1: null, yesRatio: null });
    const { accuracy, yesRatio, f1 } = popeChange(plain, better(6));
    near(accuracy?.difference, 6 / 9);
    near(yesRatio?.difference, 6 / 9);
    near(f1?.difference, (2 * 6) / (2 * 6 + 3));
  });

  it('an answer is clear when its first word is yes or no', () => {
    for (const text of ['Yes.', ' no', '"No, there is none', 'YES']) assert.ok(isClearAnswer(text), text);
    for (const text of ['', 'Nothing', 'yesterday', 'There is no dog', 'a dog, yes'])
      assert.ok(!isClearAnswer(text), text);
  });

  it('asks about the named pictures alone, with the absent objects of all', () => {
    const all = [
      { image: 'a', objects: ['dog', 'cat', 'car'] },
      { image: 'b', objects: ['bus', 'bus', 'bus', 'bike'] },
      { image: 'c', objects: ['bus', 'tree', 'dog'] },
    ];
    const questions = popeQuestions(all, 'popular', { images: Infinity, seed: 0, asked: new Set(['a']) });
    assert.deepEqual([...new Set(questions.map(({ image }) => image))], ['a']);
    // bus is in two pictures, the others of a's absent ones in one each, by name.
    assert.deepEqual(
      questions.filter(({ label }) => label === 'no').map(({ object }) => object),
      ['bus', 'bike', 'tree'],
    );
  });
});

/** The task of `landmark-recall`, and what its finding says. */
import assert from 'node:assert/strict';
import { finding } from '../../../../../diagnostics/experiments/landmark-recall/sections';
import { passKeyBatch, passKeyText, wholeLength } from '../../../../../diagnostics/experiments/landmark-recall/task';
import { opened, timesOf } from '../../../../../diagnostics/experiments/landmark-recall/tests';
import { random } from '../../../../../kernels/tensors/random';

describe('landmark-recall', () => {
  const task = { values: 5, block: 3, length: 15, apart: 8 };

  it('one key stands far from the question, and only landmarks differ without landmarks', () => {
    const places = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const text = passKeyText({ ...task, landmarks: true }, random(seed));
      const plain = passKeyText({ ...task, landmarks: false }, random(seed));
      assert.deepEqual([text.answer, text.place], [plain.answer, plain.place]);
      assert.deepEqual(
        text.tokens,
        plain.tokens.map((token, at) => ([3, 7, 11].includes(at) ? 11 : token)),
      );
      const marked = plain.tokens.flatMap((token, at) => (token >= 5 && token < 10 ? [at] : []));
      assert.deepEqual(marked, [text.place]);
      assert.equal(plain.tokens[text.place], 5 + text.answer);
      assert.equal(plain.tokens.length, 15);
      assert.equal(plain.tokens[14], 10);
      places.add(text.place);
    }
    assert.deepEqual(
      [...places].sort((a, b) => a - b),
      [0, 1, 2, 4, 5, 6],
    );
  });

  it('a batch has the answers beside the tokens', () => {
    const texts = [1, 2].map((seed) => passKeyText({ ...task, landmarks: true }, random(seed)));
    const { ids, answers } = passKeyBatch(texts);
    assert.deepEqual(
      [ids!.shape, answers!.shape],
      [
        [2, 15],
        [2, 1],
      ],
    );
    assert.deepEqual(
      [...answers!.data].map(Number),
      texts.map(({ answer }) => answer),
    );
  });

  it('lengths are of whole blocks less a landmark; k doubles; lengths of tests are there once', () => {
    assert.deepEqual(
      [128, 127, 130].map((length) => wholeLength(length, 15)),
      [127, 111, 127],
    );
    assert.deepEqual([opened(1), opened(5)], [[1], [1, 2, 4]]);
    assert.deepEqual([timesOf(1), timesOf(2), timesOf(8)], [[1], [1, 2], [1, 4, 8]]);
  });

  it('the finding has means with their intervals and the differences of the runs', () => {
    const run = (arm: string, seed: number) => ({
      arm,
      seed,
      curves: { loss: [{ step: 2, mean: 1, low: 1, high: 1 }], measures: {} },
    });
    const arms = {
      arms: [
        { id: 'plain', title: 'P', parameters: 1 },
        { id: 'landmarks', title: 'L', parameters: 1 },
      ],
      steps: 2,
      runs: [1, 2].flatMap((seed) => [run('plain', seed), run('landmarks', seed)]),
    };
    const tests = [1, 2].flatMap((seed) => [
      { mode: 'plain' as const, open: 0, length: 30, seed, success: 0.5, hit: NaN, beside: NaN },
      { mode: 'topk' as const, open: 2, length: 30, seed, success: seed === 1 ? 0.5 : 0.7, hit: 0.25, beside: 0.5 },
    ]);
    const facts = { values: 4, block: 4, length: 14, chunk: 10, positions: 'stingy' as const, sequences: 8, seeds: 2 };
    // Differences 0 and 0.2: mean 0.1, Student's interval 0.1 ± 12.706 · 0.1.
    assert.equal(
      finding({ ...facts, arms, tests, folder: 'f' }),
      'Keys found in 30 tokens after training at 14: without landmarks 0.5 (0.5 to 0.5); landmarks, 2 blocks opened 0.6 (0 to 1) (block of the key opened in 0.25, it or the next in 0.5). Chance is 0.25. Landmarks with 2 blocks opened less plain attention there: 0.1 (-1.2 to 1.4); 0.1 or more in 1 of 2 runs: the published order in some runs alone.',
    );
  });
});

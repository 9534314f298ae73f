/** The task of `landmark-recall`. */
import assert from 'node:assert/strict';
import { passKeyBatch, passKeyText, wholeLength } from '../../../../diagnostics/landmark-recall/task';
import { opened, timesOf } from '../../../../diagnostics/landmark-recall/tests';
import { random } from '../../../../kernels/tensors/random';

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
});

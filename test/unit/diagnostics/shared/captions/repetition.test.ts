import assert from 'node:assert/strict';
import { tokenAt } from '../../../../../diagnostics/shared/captions/caption-words';
import { repetitionIn } from '../../../../../diagnostics/shared/captions/repetition';

describe('a text that repeats itself', () => {
  it('is told by the run that covers most words', () => {
    assert.deepEqual(repetitionIn('There is a dog. The dog dog dog dog dog dog dog dog dog'), {
      phrase: 'dog',
      times: 9,
    });
    assert.deepEqual(repetitionIn('Now a red car. a red car. a red car. a red car.'), {
      phrase: 'a red car.',
      times: 4,
    });
  });

  it('is not said of a list, of emphasis or of a text that comes back to a thing', () => {
    assert.equal(repetitionIn('A very, very, very big dog.'), undefined);
    assert.equal(repetitionIn('A dog sits. A cat sits. A bird sits. A dog runs. A cat runs.'), undefined);
    assert.equal(repetitionIn(''), undefined);
  });
});

describe('the token in which a character of a caption stands', () => {
  it('counts over the texts of the tokens', () => {
    const texts = [' A', '', ' red', ' car'];
    assert.deepEqual(
      [0, 1, 2, 3, 6, 9, 10].map((at) => tokenAt(texts, at)),
      [0, 0, 2, 2, 3, 3, undefined],
    );
  });
});

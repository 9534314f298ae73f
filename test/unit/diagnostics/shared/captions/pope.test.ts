import assert from 'node:assert/strict';
import {
  popeAnswer,
  popeQuestion,
  popeQuestions,
  popeScores,
  type PopeImage,
} from '../../../../../diagnostics/shared/captions/pope';

describe('how an answer to POPE is read', () => {
  const table: readonly (readonly [string, 'yes' | 'no'])[] = [
    ['no, there is none', 'no'],
    ['No.', 'no'],
    ["There isn't", 'yes'],
    ['Not at all', 'yes'],
    ['There is not a dog', 'no'],
    ['Yes. No dog is there.', 'yes'],
    ['Nothing', 'yes'],
    ['NO', 'yes'],
    ['', 'yes'],
  ];
  for (const [text, answer] of table) {
    it(`"${text}" is ${answer}`, () => assert.equal(popeAnswer(text), answer));
  }
});

describe('the questions of POPE', () => {
  const images: PopeImage[] = [
    { image: 'a', objects: ['dog', 'ball', 'tree', 'car'] },
    { image: 'b', objects: ['dog', 'cat', 'tree'] },
    { image: 'c', objects: ['dog', 'cat', 'apple'] },
    { image: 'd', objects: ['cat', 'sofa'] },
  ];

  it('ask for the first three objects of an image, each followed by one that is absent and not asked for yet', () => {
    for (const split of ['random', 'popular', 'adversarial'] as const) {
      const questions = popeQuestions(images, split, { images: 500, seed: 1 });
      assert.equal(questions.length, 18);
      for (const image of images.slice(0, 3)) {
        const own = questions.filter((each) => each.image === image.image);
        assert.deepEqual(
          own.filter(({ label }) => label === 'yes').map(({ object }) => object),
          image.objects.slice(0, 3),
        );
        assert.deepEqual(
          own.map(({ label }) => label),
          ['yes', 'no', 'yes', 'no', 'yes', 'no'],
        );
        const absent = own.filter(({ label }) => label === 'no').map(({ object }) => object);
        assert.equal(new Set(absent).size, 3);
        assert.ok(absent.every((object) => !image.objects.includes(object)));
      }
    }
  });

  it('popular takes the most frequent absent class, adversarial the one most often beside the object', () => {
    const popular = popeQuestions(images, 'popular', { images: 500, seed: 1 });
    assert.equal(popular[1]?.object, 'cat');
    const beside = popeQuestions(images, 'adversarial', { images: 500, seed: 1 });
    // Beside "dog" of image a: cat (2) before apple (1).
    assert.equal(beside[1]?.object, 'cat');
    // Beside "tree" of image b, whose own objects are out: ball and car are equal, the first by name.
    const ofB = beside.filter(({ image }) => image === 'b');
    assert.equal(ofB[5]?.object, 'ball');
  });

  it('draw as many images as asked by the seed, the same each time', () => {
    const two = popeQuestions(images, 'random', { images: 2, seed: 5 });
    assert.equal(two.length, 12);
    assert.deepEqual(two, popeQuestions(images, 'random', { images: 2, seed: 5 }));
  });

  it('are worded with the article of the sound', () => {
    assert.equal(popeQuestion('apple'), 'Is there an apple in the image?');
    assert.equal(popeQuestion('dog'), 'Is there a dog in the image?');
  });
});

describe('the scores of POPE', () => {
  it('take yes as positive', () => {
    const scores = popeScores([
      { answer: 'Yes', label: 'yes' },
      { answer: 'no', label: 'yes' },
      { answer: 'Yes, it is', label: 'no' },
      { answer: 'No', label: 'no' },
      { answer: 'No', label: 'no' },
    ]);
    assert.deepEqual(
      [scores.truePositives, scores.falseNegatives, scores.falsePositives, scores.trueNegatives],
      [1, 1, 1, 2],
    );
    assert.equal(scores.accuracy, 3 / 5);
    assert.equal(scores.precision, 1 / 2);
    assert.equal(scores.recall, 1 / 2);
    assert.equal(scores.f1, 1 / 2);
    assert.equal(scores.yesRatio, 2 / 5);
  });
});

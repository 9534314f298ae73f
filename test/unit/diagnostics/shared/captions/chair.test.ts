import assert from 'node:assert/strict';
import {
  chairScores,
  judgeCaption,
  trueObjects,
  type ImageTruth,
} from '../../../../../diagnostics/shared/captions/chair';
import { cocoLexicon } from '../../../../../diagnostics/shared/captions/coco-lexicon';
import { ObjectFinder, singular, wordCount, wordsOf } from '../../../../../diagnostics/shared/captions/lexicon';

const finder = new ObjectFinder(cocoLexicon);
const objects = (caption: string): string[] => finder.mentions(caption).map(({ object }) => object);
const judge = (caption: string, truth: ImageTruth) => judgeCaption(finder, caption, trueObjects(finder, truth));

describe('the words of a caption that name objects', () => {
  it('a baby bird on a toilet seat is a bird and a toilet', () => {
    assert.deepEqual(objects('A baby bird on a toilet seat.'), ['bird', 'toilet']);
  });

  it('two-word names are joined from left to right; a word used up is not used again', () => {
    assert.deepEqual(objects('a hot dog and a teddy bear near two traffic lights'), [
      'hot dog',
      'teddy bear',
      'traffic light',
    ]);
    assert.deepEqual(objects('three wine glasses and a bow tie'), ['wine glass', 'tie']);
    assert.deepEqual(objects('a passenger train on the train tracks'), ['train']);
    assert.deepEqual(objects('an adult cow with a baby'), ['cow', 'person']);
    assert.deepEqual(objects('the baseball player at home plate'), ['sports ball', 'person']);
  });

  it('a seat beside a toilet is no chair, and without a toilet it is one', () => {
    assert.deepEqual(objects('the toilet has a blue seat'), ['toilet']);
    assert.deepEqual(objects('a bike with a seat'), ['bicycle', 'chair']);
  });

  it('marks part neighbours, plurals and capitals count, repeats stay', () => {
    assert.deepEqual(objects('It is hot. Dogs bark; a dog, two PUPPIES!'), ['dog', 'dog', 'dog']);
    assert.deepEqual(objects('knives, mice, geese, women, sheep, skis, scissors and buses'), [
      'knife',
      'mouse',
      'bird',
      'person',
      'sheep',
      'skis',
      'scissors',
      'bus',
    ]);
    assert.deepEqual(objects("the dog's bowl isn't here"), ['dog', 'bowl']);
    assert.deepEqual(objects(''), []);
  });

  it('says where a mention stands in the text', () => {
    const [first, second] = finder.mentions('A  Fire hydrant and cats');
    assert.deepEqual(first, { word: 'fire hydrant', object: 'fire hydrant', start: 3, end: 15 });
    assert.deepEqual(second, { word: 'cat', object: 'cat', start: 20, end: 24 });
  });

  it('words and marks in order', () => {
    assert.deepEqual(
      wordsOf("can't, well-lit dog's 3.").map(({ text }) => text),
      ['ca', "n't", ',', 'well-lit', 'dog', "'s", '3', '.'],
    );
    assert.equal(wordCount('One, two - three.'), 3);
  });
});

describe('the default lexicon', () => {
  it('has the 80 classes of COCO and names each word once', () => {
    assert.equal(Object.keys(cocoLexicon).length, 80);
    const words = Object.entries(cocoLexicon).flatMap(([name, synonyms]) => [name, ...synonyms]);
    assert.deepEqual(
      words.filter((word, at) => words.indexOf(word) !== at),
      [],
    );
  });

  it('finds every class and every synonym by itself, singular and plural', () => {
    for (const [name, synonyms] of Object.entries(cocoLexicon)) {
      for (const word of [name, ...synonyms]) {
        assert.deepEqual(objects(`there is ${word} here`), [name], word);
        assert.equal(finder.classFor(word), name);
      }
    }
    for (const plural of ['people', 'children', 'benches', 'sandwiches', 'couches', 'oxen', 'calves', 'teddy bears']) {
      assert.equal(objects(plural).length, 1, plural);
    }
  });

  it('leaves words in the singular alone', () => {
    for (const word of ['bus', 'grass', 'tennis', 'dress', 'this', 'glass', 'pie', 'tie', 'gas', 'is', 'has']) {
      assert.equal(singular(word), word);
    }
  });
});

describe('CHAIR', () => {
  it('counts mentions that the truth lacks; a caption with one is hallucinated', () => {
    const scores = chairScores([judge('a baby bird on a toilet seat', { objects: ['bird'] })]);
    assert.equal(scores.chairI, 0.5);
    assert.equal(scores.chairS, 1);
    assert.equal(scores.recall, 1);
    assert.equal(scores.precision, 0.5);
    assert.equal(scores.f1, 2 / 3);
    assert.equal(scores.length, 7);
  });

  it('a hallucinated word said twice counts twice', () => {
    const scores = chairScores([judge('a dog, a cat and another cat', { objects: ['dog'] })]);
    assert.equal(scores.chairI, 2 / 3);
    assert.equal(scores.precision, 0.5);
  });

  it('is pooled over the captions, which is not the mean of their shares', () => {
    const captions = [
      judge('a cat', { objects: ['dog'] }),
      judge('a dog, a car and a truck', { objects: ['dog', 'car', 'truck', 'bus'] }),
    ];
    const scores = chairScores(captions);
    assert.equal(scores.chairI, 1 / 4);
    assert.equal(scores.chairS, 1 / 2);
    assert.equal(scores.recall, 3 / 5);
    const each = captions.map((caption) => chairScores([caption]).chairI ?? NaN);
    assert.notEqual(scores.chairI, ((each[0] ?? 0) + (each[1] ?? 0)) / 2);
  });

  it('the truth is the labels and what people said of the image', () => {
    const said = { objects: ['dog'], captions: ['a puppy in the snow', 'kids with skis'] };
    assert.deepEqual([...trueObjects(finder, said)].sort(), ['dog', 'person', 'skis']);
    assert.equal(chairScores([judge('a boy and a dog', said)]).chairI, 0);
  });

  it('an empty caption is not hallucinated, and no captions give no share', () => {
    const empty = chairScores([judge('', { objects: ['dog'] })]);
    assert.deepEqual([empty.chairS, empty.chairI, empty.recall, empty.length], [0, null, 0, 0]);
    const none = chairScores([]);
    assert.deepEqual([none.chairS, none.chairI, none.recall, none.f1, none.length], [null, null, null, null, null]);
  });
});

/** Files that a person writes: truth of images and lexicons, read alike by the command line and the panel. */
import assert from 'node:assert/strict';
import { trueObjects } from '../../../diagnostics/shared/captions/chair';
import { ObjectFinder } from '../../../diagnostics/shared/captions/lexicon';
import { classesFrom, lexiconFrom } from '../../../protocol/inputs/lexicon';
import { truthFrom } from '../../../protocol/inputs/truth';

describe('the truth of images', () => {
  it('has every form', () => {
    const expected = [['a.png', { objects: ['dog', 'ball'], captions: [] }]];
    for (const value of [
      { 'a.png': ['dog', 'ball'] },
      { 'a.png': { objects: ['dog', 'ball'] } },
      [{ image: 'a.png', objects: ['dog', 'ball'], captions: [] }],
      [{ image_id: 'a.png', objects: ['dog', 'ball', 'dog'] }],
    ]) {
      assert.deepEqual([...truthFrom(value)], expected, JSON.stringify(value));
    }
    assert.deepEqual(truthFrom({ 'a.png': [] }).get('a.png'), { objects: [], captions: [] });
    assert.deepEqual(truthFrom([{ image_id: 7, captions: ['a dog'] }]).get('7'), { objects: [], captions: ['a dog'] });
  });

  it('of several rows of one image is united', () => {
    const rows = [
      { image: 'a.png', objects: ['dog'], captions: ['one'] },
      { image: 'b.png', objects: ['bus'] },
      { image: 'a.png', objects: ['cat', 'dog'], captions: ['two'] },
    ];
    assert.deepEqual(
      [...truthFrom(rows)],
      [
        ['a.png', { objects: ['dog', 'cat'], captions: ['one', 'two'] }],
        ['b.png', { objects: ['bus'], captions: [] }],
      ],
    );
  });

  it('says where it is none', () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [{}, /names no image/],
      [[], /names no image/],
      [3, /it is not an object or a list/],
      [{ 'a.png': 'dog' }, /a\.png is not a list of texts/],
      [{ 'a.png': { objects: ['dog'], captions: 'one' } }, /a\.png\.captions is not a list of texts/],
      [{ 'a.png': {} }, /a\.png is not an entry with objects or captions/],
      [[{ image: 'a.png', labels: ['dog'] }], /\[0\] is not an entry with objects or captions/],
      [[{ objects: ['dog'] }], /\[0\] is not an entry with an image/],
    ];
    for (const [value, sentence] of wrong) assert.throws(() => truthFrom(value), sentence, JSON.stringify(value));
  });
});

describe('a lexicon of one own', () => {
  const objects = (text: string, caption: string): string[] => {
    const { classes, publishedNames } = lexiconFrom(text);
    return new ObjectFinder(classes, !publishedNames).mentions(caption).map(({ object }) => object);
  };

  it('as JSON joins its own two-word names', () => {
    assert.deepEqual(
      objects('{"lamp": ["floor lamp", "lanterns"], "red ball": []}', 'a floor lamp, a lantern and two red balls'),
      ['lamp', 'lamp', 'red ball'],
    );
  });

  it('as the lines of the published list is scored with the published table', () => {
    const text = 'dog, puppy,  hound, puppy\r\ncoffee  table, desk\n\n';
    assert.deepEqual(lexiconFrom(text), {
      classes: { dog: ['puppy', 'hound'], 'coffee table': ['desk'] },
      publishedNames: true,
    });
    assert.deepEqual(objects(text, 'hounds at the coffee table, a desk'), ['dog', 'coffee table']);
    const finder = new ObjectFinder(lexiconFrom(text).classes);
    assert.deepEqual([...trueObjects(finder, { objects: ['Coffee table'] })], ['coffee table']);
  });

  it('is refused with a sentence when it is none', () => {
    assert.throws(() => lexiconFrom('{"dog": "puppy"}'), /dog is not a list of texts/);
    assert.throws(() => lexiconFrom('{"dog": '), /is not valid JSON/);
    assert.throws(() => lexiconFrom('  \n'), /names no class/);
    assert.throws(() => lexiconFrom('\ufffdPNG\r\n\x1a\n\0\0\0\rIHDR'), /is not a text/);
    assert.throws(() => classesFrom([]), /from class to a list/);
    assert.throws(() => classesFrom({}), /it is not a lexicon that names a class/);
  });
});

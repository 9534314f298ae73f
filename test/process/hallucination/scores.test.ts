import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { tinyPixels, writePng } from '../../support/checkpoints/tiny-vision';
import type { Outcome } from '../compute/support/run-cli';
import { buildServer, Place } from '../model/support/model-server';

describe('headscope chair and headscope pope', () => {
  let place: Place;
  before(async function () {
    this.timeout(60_000);
    await buildServer();
    place = new Place();
  });
  after(() => place.remove());

  const file = (name: string, value: unknown): string => {
    const path = place.at(name);
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
    return path;
  };
  const json = (outcome: Outcome): Record<string, unknown> => {
    assert.equal(outcome.code, 0, outcome.stderr);
    return JSON.parse(outcome.stdout) as Record<string, unknown>;
  };
  const refused = (outcome: Outcome, sentence: RegExp): void => {
    assert.equal(outcome.code, 2);
    assert.equal(outcome.stdout, '');
    assert.match(outcome.stderr, sentence);
    assert.equal(outcome.stderr.trim().split('\n').length, 1, outcome.stderr);
  };

  it('CHAIR of captions of either form, with mentions by caption', async () => {
    const captions = file('captions.json', { 'a.png': 'A baby bird on a toilet seat.', 'b.png': 'Two dogs.' });
    const truth = file('truth.json', {
      'a.png': ['bird'],
      'b.png': { objects: ['dog'], captions: ['a puppy and a cat'] },
    });
    const result = json(await place.headscope(['chair', '--captions', captions, '--truth', truth, '--json', '-']));
    assert.deepEqual(
      [result['chairS'], result['chairI'], result['recall'], result['captions'], result['mentions']],
      [1 / 2, 1 / 3, 2 / 3, 2, 3],
    );
    assert.equal(typeof result['headscope'], 'string');
    const list = file('list.json', [
      { image_id: 7, caption: 'a lamp' },
      { image_id: 7, caption: 'a lantern and a chair' },
    ]);
    const listed = file('listed.json', [{ image: '7', objects: ['lamp'] }]);
    const lexicon = file('lexicon.json', { lamp: ['lantern'], chair: [] });
    const words = ['chair', '--captions', list, '--truth', listed, '--lexicon', lexicon];
    const other = json(await place.headscope([...words, '--json', '-']));
    assert.deepEqual([other['chairS'], other['chairI']], [1 / 2, 1 / 3]);
    const references = file('references.json', [{ image: '7', caption: 'a chair' }]);
    const told = json(await place.headscope([...words, '--references', references, '--json', '-']));
    assert.equal(told['chairI'], 0);
    assert.match((await place.headscope(words)).stdout, /CHAIR_S 50 % +CHAIR_I 33\.3 % +recall 100 %/);
  });

  it('rows of one image are united, and labels that the lexicon does not know are counted and named', async () => {
    const captions = file('two.json', { 'a.png': 'a dog and a cat' });
    const truth = file('rows.json', [
      { image: 'a.png', objects: ['dog', 'dragon'] },
      { image: 'a.png', objects: ['cat', 'wyvern', 'dragon'] },
      { image: 'b.png', objects: ['griffin'] },
    ]);
    const words = ['chair', '--captions', captions, '--truth', truth];
    const result = json(await place.headscope([...words, '--json', '-']));
    assert.deepEqual([result['chairI'], result['recall']], [0, 1]);
    assert.deepEqual(result['truthLabels'], { total: 4, unknown: 2, names: ['dragon', 'wyvern'] });
    const { stdout } = await place.headscope(words);
    assert.match(stdout, /\n2 of 4 truth labels are unknown to the lexicon and count for nothing: dragon, wyvern\n$/);
    const known = file('known.json', { 'a.png': ['dog'] });
    const all = await place.headscope(['chair', '--captions', captions, '--truth', known]);
    assert.doesNotMatch(all.stdout, /unknown/);
  });

  it('what cannot be scored is refused with a sentence', async () => {
    const captions = file('some.json', { 'a.png': 'a dog', 'c.png': 'a cat' });
    const truth = file('less.json', { 'a.png': ['dog'] });
    const run = (one: string, other: string, more: string[] = []) =>
      place.headscope(['chair', '--captions', one, '--truth', other, ...more]);
    refused(await run(captions, truth), /1 of 2 captions have no truth, the first is "c.png"/);
    refused(await run(place.at('absent.json'), truth), /cannot be read/);
    refused(await run(file('broken.json', '{"a": '), truth), /is not valid JSON/);
    refused(await run(file('wrong.json', [{ image: 'a' }]), truth), /entry 0 has no image or no caption/);
    refused(await run(captions, file('number.json', { 'a.png': 3 })), /a\.png is not a list of texts/);
    refused(
      await run(captions, truth, ['--lexicon', file('bad.json', '{"dog": 1}')]),
      /dog is not a list of texts\. Write lines/,
    );
    refused(
      await run(captions, file('neither.json', { 'a.png': {} })),
      /a\.png is not an entry with objects or captions/,
    );
    const png = writePng(place.at('picture.png'), tinyPixels(9, 9));
    refused(await run(captions, truth, ['--lexicon', png]), /picture\.png: it is not a text in UTF-8\. Write lines/);
  });

  it('POPE answers as a list or a value per line', async () => {
    const rows = [
      { question: 'q', answer: 'Yes', label: 'yes' },
      { question: 'q', answer: 'no, none', label: 'yes' },
      { question: 'q', answer: "There isn't", label: 'no' },
      { question: 'q', answer: 'No.', label: 'no' },
    ];
    const list = file('answers.json', rows);
    const lines = file('answers.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    for (const path of [list, lines]) {
      const result = json(await place.headscope(['pope', '--answers', path, '--json', '-']));
      assert.deepEqual([result['accuracy'], result['precision'], result['recall'], result['f1']], [0.5, 0.5, 0.5, 0.5]);
      assert.deepEqual(result['readAs'], ['yes', 'no', 'yes', 'no']);
    }
    refused(await place.headscope(['pope', '--answers', file('odd.json', [{ answer: 'yes' }])]), /entry 0 needs/);
    refused(await place.headscope(['pope']), /Give --answers or --questions, or a model that answers/);
  });

  it('POPE answers in the published layout: labels in a second file, by question_id or in order', async () => {
    const labels = [
      { question_id: 1, image: 'a.jpg', text: 'Is there a dog in the image?', label: 'yes' },
      { question_id: 2, image: 'a.jpg', text: 'Is there a cat in the image?', label: 'no' },
      { question_id: 3, image: 'a.jpg', text: 'Is there a bus in the image?', label: 'no' },
    ];
    const lines = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');
    const labelled = file('coco_pope_random.json', lines(labels));
    const byId = [3, 1, 2].map((question_id) => ({
      question_id,
      prompt: 'q',
      text: question_id === 2 ? 'Yes' : 'No.',
    }));
    const inOrder = ['No.', 'Yes', 'No.'].map((answer) => ({ question: 'q', answer }));
    const score = async (rows: readonly unknown[], more: readonly string[]) =>
      json(await place.headscope(['pope', '--answers', file('own.jsonl', lines(rows)), '--json', '-', ...more]));
    for (const rows of [byId, inOrder]) {
      const { accuracy, truePositives, falsePositives, falseNegatives } = await score(rows, ['--labels', labelled]);
      assert.deepEqual([accuracy, truePositives, falsePositives, falseNegatives], [1 / 3, 0, 1, 1]);
    }
    const refuse = async (rows: readonly unknown[], sentence: RegExp) =>
      refused(
        await place.headscope(['pope', '--answers', file('bad.jsonl', lines(rows)), '--labels', labelled]),
        sentence,
      );
    await refuse(inOrder.slice(1), /2 answers and .* 3 labels/);
    await refuse([{ question_id: 9, text: 'No' }], /no label for question_id 9/);
    refused(await place.headscope(['pope', '--answers', file('none.json', byId)]), /needs a "label".*--labels/);
    refused(
      await place.headscope(['pope', '--questions', labelled, '--labels', labelled]),
      /--labels belongs to --answers/,
    );
  });

  it('POPE questions from a truth file', async () => {
    const truth = file('many.json', {
      'a.png': ['dog', 'cat', 'car'],
      'b.png': ['dog', 'tree', 'apple'],
      'c.png': ['bus'],
    });
    const result = json(
      await place.headscope(['pope', '--questions', truth, '--split', 'popular', '--seed', '3', '--json', '-']),
    );
    const questions = result['questions'] as { image: string; question: string; label: string }[];
    assert.equal(questions.length, 12);
    assert.equal(questions[0]?.question, 'Is there a dog in the image?');
    refused(await place.headscope(['pope', '--questions', file('few.json', { a: ['dog'] })]), /at least three objects/);
  });
});

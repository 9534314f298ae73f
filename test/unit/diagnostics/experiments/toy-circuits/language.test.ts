import assert from 'node:assert/strict';
import {
  drawnSequences,
  sentenceOf,
  taskFile,
  toyTasks,
  toyTokenizer,
} from '../../../../../diagnostics/experiments/toy-circuits/language';
import { colours, names, objects } from '../../../../../diagnostics/tasks/words';
import { random } from '../../../../../kernels/tensors/random';

describe('the language of the toy', () => {
  const tokenizer = toyTokenizer();
  const [first, second] = toyTasks;

  it('has every word that the tasks draw from in its vocabulary', () => {
    for (const word of [...objects, ...colours, ...names]) assert.equal(tokenizer.encode(` ${word}`).length, 1);
  });

  it('asks for the colour of the thing that is named again; the counterpart names another of the three', () => {
    const source = random(1);
    for (let i = 0; i < 50; i++) {
      const { text, counterpart, answers, counterpartAnswers } = first.draw(source);
      const pairs = [...text.matchAll(/ (\w+) (\w+)[,.]/gu)].map(([, thing, colour]) => [thing, colour] as const);
      const known = new Map(pairs);
      assert.equal(known.size, 3);
      const last = (of: string): string => of.split(' ').at(-1) ?? '';
      assert.deepEqual(answers.right, [` ${known.get(last(text))}`]);
      assert.deepEqual(counterpartAnswers?.right, [` ${known.get(last(counterpart ?? ''))}`]);
      assert.notEqual(last(text), last(counterpart ?? ''));
      assert.equal(answers.wrong.length, 2);
    }
  });

  it('counts the answer most, and in lists what is said again', () => {
    const { ids, weights } = sentenceOf(tokenizer, second.draw(random(2)));
    assert.equal(weights.length, ids.length);
    assert.equal(weights.at(-1), 4);
    assert.ok(weights.slice(0, -1).every((weight) => weight === 0.02));
    const [list] = drawnSequences(tokenizer, 8, random(3));
    const half = (list!.ids.length - 1) / 2;
    assert.deepEqual(list!.ids.slice(1, 1 + half), list!.ids.slice(1 + half));
    assert.ok(list!.weights.every((weight, at) => weight === (at > half + 1 ? 1 : 0)));
  });

  it('writes prompts that are all different, the same for the same seed', () => {
    const lines = taskFile(first, 30, 4).trim().split('\n');
    assert.equal(new Set(lines.map((line) => (JSON.parse(line) as { prompt: string }).prompt)).size, 30);
    assert.equal(taskFile(first, 30, 4), taskFile(first, 30, 4));
    assert.notEqual(taskFile(first, 30, 5), taskFile(first, 30, 4));
  });
});

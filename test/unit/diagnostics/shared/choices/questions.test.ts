import assert from 'node:assert/strict';
import { builtInQuestions, ownQuestions } from '../../../../../diagnostics/shared/choices/questions';
import { layoutOf, mutated, mutations, pieceOf } from '../../../../../diagnostics/shared/choices/layout';
import { choiceTable, type ChoiceParameters } from '../../../../../diagnostics/shared/choices/parameters';
import { random } from '../../../../../kernels/tensors/random';
import { resolveTable } from '../../../../../protocol/analysis/parameters';

const lines = (...given: readonly unknown[]): string => given.map((line) => JSON.stringify(line)).join('\n');
const four = ['w', 'x', 'y', 'z'];

describe('questions of a file', () => {
  it('are read in the form of Headscope and in that of MMLU on the Hub, answers as letter, place or text', () => {
    const content = lines(
      { prompt: 'Q1', options: four, answer: 'C' },
      { question: 'Q2', choices: four, answer: 1, subject: 'law' },
      { prompt: 'Q3', options: four, answer: 'z' },
      { prompt: 'Q4', options: ['B', 'A', 'D', 'C'], answer: 'A' },
      { prompt: [5, 6], options: [[1], [2], [3], [4]], answer: 3 },
    );
    const { questions, notes } = ownQuestions('file', `${content}\n\n`, 4);
    assert.deepEqual(notes, []);
    assert.deepEqual(
      questions.map(({ right }) => right),
      // A text that is an option goes before a letter.
      [2, 1, 3, 1, 3],
    );
    assert.deepEqual(questions[1], { question: 'Q2', options: four, right: 1, subject: 'law' });
    assert.deepEqual(questions[4]?.question, [5, 6]);
  });

  it('are left out with the line and the reason', () => {
    const content = lines(
      { prompt: 'Q', options: ['x', 'y'], answer: 0 },
      { prompt: 'Q', options: four, answer: 'F' },
      { prompt: 'Q', options: four },
      { options: four, answer: 0 },
      { prompt: 'Q', question: 'Q', options: four, answer: 0 },
      { prompt: 'Q', options: four, answer: 0 },
    );
    const { questions, notes } = ownQuestions('file', `${content}\n{`, 4);
    assert.equal(questions.length, 1);
    assert.equal(notes.length, 6);
    assert.match(notes[0] ?? '', /^Line 1 is left out: it has 2 options, and there are 4 labels\.$/);
    assert.match(notes[1] ?? '', /^Line 2 .*"F" is no option/);
    assert.match(notes[5] ?? '', /^Line 7 .*not valid JSON/);
    assert.throws(() => ownQuestions('file', '', 4), /has no question that can be used\. It is empty/);
    assert.throws(() => ownQuestions('file', '7', 4), /has no question that can be used\. Line 1/);
  });

  it('are read from CSV as MMLU is published, with or without a heading', () => {
    const rows = '"What, then?",w,x,y,z,C\nQ2,w,x,y,z,A\nQ3,w,x,A\nQ4,w,x,y,z,Q\n';
    const heading = 'question,A,B,C,D,answer\n';
    const { questions, notes } = ownQuestions('law.csv', rows, 4);
    assert.deepEqual(questions, [
      { question: 'What, then?', options: four, right: 2, subject: '' },
      { question: 'Q2', options: four, right: 0, subject: '' },
    ]);
    assert.match(notes[0] ?? '', /^Line 3 is left out: it has 2 options/);
    assert.match(notes[1] ?? '', /^Line 4 is left out: the answer "Q" is no option/);
    assert.deepEqual(ownQuestions('law.csv', heading + rows, 4).questions, questions);
  });

  it('of Headscope are all different, the same for a seed, and of both subjects', () => {
    const { questions } = builtInQuestions(48, 3);
    assert.equal(new Set(questions.map((one) => JSON.stringify(one))).size, 48);
    assert.deepEqual(builtInQuestions(48, 3).questions, questions);
    assert.deepEqual([...new Set(questions.map(({ subject }) => subject))], ['capital', 'category']);
  });
});

describe('how questions are written', () => {
  const given = (over: Partial<ChoiceParameters> = {}): ChoiceParameters => {
    const resolved = resolveTable<ChoiceParameters>('x', choiceTable, over);
    if (!resolved.ok) throw new Error(resolved.why);
    return resolved.values;
  };

  it('reads texts with line breaks, and token ids', () => {
    assert.equal(pieceOf('\\n('), '\n(');
    assert.deepEqual(pieceOf(' #3 #14'), [3, 14]);
    assert.equal(pieceOf('#a'), '#a');
    assert.throws(() => layoutOf(given({ labels: 'A' })), /There are 1 labels/);
    assert.throws(() => layoutOf(given({ labels: 'A B A' })), /stands twice/);
  });

  it('changes labels and separators as its words say', () => {
    const layout = layoutOf(given());
    const labels = (which: (typeof mutations)[number], seed = 0) => mutated(layout, which)?.labels(random(seed));
    assert.deepEqual(labels('usual'), ['A', 'B', 'C', 'D']);
    assert.deepEqual(labels('other letters'), ['W', 'X', 'Y', 'Z']);
    assert.deepEqual(labels('lower case'), ['a', 'b', 'c', 'd']);
    assert.deepEqual(labels('numbers'), ['1', '2', '3', '4']);
    for (let seed = 0; seed < 20; seed++) {
      const shuffled = labels('shuffled letters', seed) ?? [];
      assert.deepEqual([...shuffled].sort(), ['A', 'B', 'C', 'D']);
      shuffled.forEach((label, at) => assert.notEqual(label, layout.labels[at]));
      const drawn = labels('random letters', seed) ?? [];
      assert.equal(new Set(drawn).size, 4);
      for (const label of drawn) assert.ok(!layout.labels.includes(label));
    }
    const square = mutated(layout, 'other separators')?.layout;
    assert.deepEqual([square?.before, square?.after, square?.end], ['\n[', ']', '\nAnswer: [']);
    assert.equal(mutated(layout, 'no start')?.layout.prelude, '');
  });

  it('says where there is no room for a change', () => {
    const ids = layoutOf(given({ labels: '#1 #2', others: '#3', before: '#4', after: '#5', end: '#6', prelude: '' }));
    const possible = mutations.filter((one) => mutated(ids, one));
    assert.deepEqual(possible, ['usual', 'shuffled letters']);
  });
});

/** A CSV of a person's facts: counterparts by other topics of as many tokens, faults named by their line. */
import assert from 'node:assert/strict';
import { taskSamples } from '../../../../diagnostics/tasks/read-task';
import { FailureError } from '../../../../protocol/wire/failures';
import { demoTokens } from './demo-tokens';

const tokens = demoTokens();
const read = (text: string, samples = 100) =>
  taskSamples({ task: '/somewhere/facts.csv', samples, seed: 0, parameters: {} }, tokens, {
    textFile: () => Promise.resolve(text),
    pause: () => Promise.resolve(),
  });
const refusal = async (text: string): Promise<string> => {
  const error: unknown = await read(text).then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  return error instanceof FailureError && 'detail' in error.failure ? error.failure.detail : assert.fail(String(error));
};
const token = (text: string): number => tokens.encode(text)[0] ?? -1;

describe('a CSV file of facts', () => {
  it('gives each fact in its template, with another topic of the same template as counterpart', async () => {
    const { task, samples, notes } = await read(
      [
        '\uFEFFTopic,Template,Answer',
        'France,The capital of {topic} is,Paris',
        'Italy,The capital of {topic} is,Rome',
        'Spain,"As we all know, the capital of {topic} is ",Madrid',
        '',
        'Japan,"As we all know, the capital of {topic} is ",Tokyo',
      ].join('\r\n'),
    );
    assert.deepEqual(notes, []);
    assert.deepEqual([task.title, task.metric], ['facts.csv', 'logit-difference']);
    const [first, , third] = samples;
    assert.equal(first?.prompt.text, 'The capital of France is');
    assert.equal(first.counterpart?.text, 'The capital of Italy is');
    assert.deepEqual([first.answers.right, first.answers.wrong], [[token(' Paris')], [token(' Rome')]]);
    assert.deepEqual(first.roles['subject'], first.roles['changed']);
    assert.equal(first.prompt.ids[first.roles['subject']?.[0] ?? -1], token(' France'));
    assert.equal(third?.prompt.text, 'As we all know, the capital of Spain is');
    assert.deepEqual(
      samples.map(({ facts }) => facts['template']),
      [0, 0, 1, 1],
    );
    assert.equal((await read('template,topic,answer\nThe capital of {topic} is,France,Paris\n', 1)).samples.length, 1);
  });

  it('takes as counterpart the next topic of as many tokens, and none where there is no such topic', async () => {
    const long = 'Bandar Seri Begawan upon the Brunei river';
    const { samples, notes } = await read(
      `template,topic,answer\nThe capital of {topic} is,France,Paris\nThe capital of {topic} is,${long},Tokyo\nThe capital of {topic} is,Italy,Rome\n`,
    );
    assert.deepEqual(notes, []);
    assert.deepEqual(
      samples.map(({ counterpart }) => counterpart?.text),
      ['The capital of Italy is', undefined, 'The capital of France is'],
    );
    assert.deepEqual(samples[1]?.answers.texts.wrong, [' Rome']);
  });

  it('keeps the tokens of an answer behind its first', async () => {
    const answer = 'Paris and Rome';
    const { samples } = await read(
      `template,topic,answer\nThe capital of {topic} is,France,${answer}\nThe capital of {topic} is,Italy,Rome\n`,
    );
    assert.deepEqual(samples[0]?.answers.right, [token(' Paris')]);
    assert.deepEqual([...samples[0].answers.right, ...samples[0].answers.rest], [...tokens.encode(` ${answer}`)]);
  });

  it('leaves out a row that is wrong and names its line', async () => {
    const { samples, notes } = await read(
      'template,topic,answer\nThe capital of {topic} is,France,Paris\nThe capital of it is,Italy,Rome\nThe capital of {topic} is,,Oslo\nThe capital of {topic} is,Norway\n',
    );
    assert.equal(samples.length, 1);
    assert.match(notes[0] ?? '', /^Line 3 is left out: its template "The capital of it is" has not one \{topic\}/);
    assert.match(notes[1] ?? '', /^Line 4 is left out: it has no topic\.$/);
    assert.match(notes[2] ?? '', /^Line 5 is left out: it has no answer\.$/);
  });

  it('is refused with what is missing', async () => {
    assert.match(
      await refusal('topic,answer\nFrance,Paris\n'),
      /facts\.csv has no column template\. Let its first line be/,
    );
    assert.match(await refusal(''), /has no column template, topic, answer/);
    assert.match(await refusal('template,topic,answer\n'), /has no row that can be used\. It has a first line alone\./);
    assert.match(await refusal('template,topic,answer\n"The {topic} is,France,Paris\n'), /is not valid CSV/);
  });
});

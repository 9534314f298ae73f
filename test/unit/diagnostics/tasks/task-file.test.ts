/** Files of a person's own: what is right runs, what is wrong is named by its line. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textFile } from '../../../../compute-server/runner/files';
import { taskSamples, taskTexts, type TaskSurroundings } from '../../../../diagnostics/tasks/read-task';
import { FailureError } from '../../../../protocol/wire/failures';
import { demoTokens } from './demo-tokens';

const asked = { task: '/somewhere/mine.jsonl', samples: 100, seed: 0, parameters: {} };
const tokens = demoTokens();

const place = (textFile: TaskSurroundings['textFile']): TaskSurroundings => ({
  textFile,
  pause: () => Promise.resolve(),
});
const noFile = place(() => assert.fail('no file is read'));
const read = (...lines: readonly unknown[]) =>
  taskSamples(
    asked,
    tokens,
    place(() =>
      Promise.resolve(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')),
    ),
  );
const detail = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  return error instanceof FailureError && 'detail' in error.failure ? error.failure.detail : assert.fail(String(error));
};

const good = {
  prompt: 'The capital of France is',
  counterpart: 'The capital of Italy is',
  answer: ' Paris',
  wrong: [' Rome', ' London'],
  counterpartAnswer: ' Rome',
  roles: { subject: ' France', verb: [[22, 24]] },
};

describe('a JSONL file of a person', () => {
  it('has a note where an answer runs into the last word of its prompt', async () => {
    const { notes } = await read(
      { prompt: 'Anna gave a pen to', answer: 'Mary' },
      { prompt: 'Anna gave a pen to', answer: ['Mary', ' Mary'] },
      { prompt: 'Anna gave a pen to ', answer: 'Mary' },
      good,
    );
    assert.equal(
      notes.at(-1),
      'In 1 of 4 prompts the answer follows without a space, as in "toMary". Put the space in front of the answer where one belongs.',
    );
    const surroundings = place(() =>
      Promise.resolve('{"prompt": "2 +", "answer": "4"}\n{"prompt": "It is", "answer": "so"}'),
    );
    const without = place(() => Promise.resolve('{"prompt": "法国的首都是", "answer": "巴黎"}'));
    assert.deepEqual((await taskTexts(asked, without)).notes, [], 'a script without spaces between words');
    assert.match((await taskTexts(asked, surroundings)).notes.join(), /In 1 of 2 prompts .* as in "isso"/u);
  });

  it('gives prompts, counterparts, answers and roles', async () => {
    const { task, samples, notes } = await read(good, '', { prompt: 'Anna gave a pen to', answer: [' Mary', ' John'] });
    assert.deepEqual(notes, []);
    assert.equal(task.title, 'mine.jsonl');
    assert.equal(task.metric, 'probability', 'one line has no wrong answer');
    const [first, second] = samples;
    const token = (text: string) => tokens.encode(text)[0];
    const at = first?.prompt.ids.indexOf(token(' France') ?? -1) ?? -1;
    assert.ok(at > 0);
    assert.deepEqual(first?.roles, { subject: [at], verb: [at + 1], changed: [at], query: [at + 1] });
    assert.deepEqual(first.answers.right, [token(' Paris')]);
    assert.deepEqual(first.answers.wrong, [token(' Rome'), token(' London')]);
    assert.deepEqual(first.counterpartAnswers?.right, [token(' Rome')]);
    assert.deepEqual(first.counterpartAnswers.wrong, [token(' Paris')]);
    assert.equal(second?.counterpart, undefined);
    assert.deepEqual(second?.answers.right, [token(' Mary'), token(' John')]);
    assert.equal((await read(good)).task.metric, 'logit-difference');
  });

  it('an answer of several tokens is taken whole', async () => {
    const { samples } = await read({ prompt: 'The key is', answer: ' 123' });
    const ids = tokens.encode(' 123');
    assert.ok(ids.length > 1);
    assert.deepEqual([...(samples[0]?.answers.right ?? []), ...(samples[0]?.answers.rest ?? [])], ids);
  });

  it('leaves out a bad line with its number and what is wrong, and runs the rest', async () => {
    const { samples, notes } = await read(
      good,
      '{"prompt": "half',
      [1],
      { prompt: 'No answer' },
      { ...good, answr: ' Paris' },
      { ...good, answer: 7 },
      { ...good, roles: { subject: ' Spain' } },
      { ...good, roles: { subject: [[3, 99]] } },
      { ...good, counterpart: 'The capital of old Italy is' },
      { ...good, counterpart: good.prompt },
      { ...good, wrong: ' Paris' },
      { prompt: 'A', answer: ' B', counterpartAnswer: ' C' },
      { ...good, prompt: 'The capital of Japan is', answer: ' Tokyo', roles: {} },
    );
    assert.equal(samples.length, 2);
    const expected = [
      /^Line 2 is left out: it is not valid JSON/,
      /^Line 3 is left out: it is not a JSON object\.$/,
      /^Line 4 is left out: answer is missing\.$/,
      /^Line 5 is left out: There is no field "answr"\. Choose from prompt, answer,/,
      /^Line 6 is left out: answer is not a non-empty text, or a list of such texts\.$/,
      /^Line 7 is left out: the role "subject" is " Spain", which is not in the prompt\.$/,
      /^Line 8 is left out: the role "subject" is \[\[3,99\]\], which is not in the prompt\.$/,
      /^Line 12 is left out: counterpartAnswer needs a counterpart\.$/,
      /^Line 9 is left out: The tokenizer splits "France" and "old" into unequal numbers of tokens: the prompt has \d+, its counterpart \d+\.$/,
      /^Line 10 is left out: Prompt and counterpart are the same tokens\.$/,
      /^Line 11 is left out: The answer "Paris" begins with the same token as a wrong one\.$/,
    ];
    assert.equal(notes.length, expected.length, notes.join('\n'));
    expected.forEach((words, at) => assert.match(notes[at] ?? '', words));
  });

  it('leaves out a line that is not UTF-8 by its number, as JSONL and as CSV', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-task-'));
    const written = (name: string, ...lines: readonly (string | Buffer)[]): string => {
      const path = join(folder, name);
      writeFileSync(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])));
      return path;
    };
    const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
    const line = '{"prompt": "The capital of France is", "answer": " Paris"}';
    const task = written('mine.jsonl', line, latin('{"prompt": "Café is", "answer": " Paris"}'), line);
    const own = await taskSamples({ ...asked, task }, tokens, place(textFile));
    assert.equal(own.samples.length, 2);
    assert.deepEqual(own.notes, ['Line 2 is left out: it is not valid JSON (it has bytes that are not UTF-8).']);
    const capital = 'The capital of {topic} is';
    const rows = ['template,topic,answer', `${capital},France,Paris`, `${capital},Italy,Rome`];
    const facts = written('facts.csv', ...rows, latin(`${capital},Café,Rome`));
    const read = await taskSamples({ ...asked, task: facts }, tokens, place(textFile));
    assert.deepEqual(read.notes, ['Line 4 is left out: it has bytes that are not UTF-8.']);
    // A text that is read as a whole is refused with the line.
    const haystack = written('essay.txt', 'First.', latin('Café.'));
    const needles = { ...asked, task: 'needle-grid', samples: 1, parameters: { haystack } };
    assert.equal(
      await detail(taskSamples(needles, tokens, place(textFile))),
      `${haystack} is not text in UTF-8 (line 2). Save it as UTF-8.`,
    );
    rmSync(folder, { recursive: true });
  });

  it('is refused when no line is left, or it is not there', async () => {
    assert.match(
      await detail(read('{}')),
      /mine\.jsonl has no line that can be used\. Line 1 is left out: prompt is missing/,
    );
    assert.match(await detail(read('')), /It is empty/);
    const gone = taskTexts(
      asked,
      place(() => Promise.reject(new FailureError({ code: 'bad-request', detail: 'gone' }))),
    );
    assert.equal(await detail(gone), 'gone');
    const unknown = taskTexts({ ...asked, task: 'inducton' }, noFile);
    assert.match(
      await detail(unknown),
      /There is no task "inducton"\. Choose from indirect-object, .* ends in \.jsonl/,
    );
  });

  it('gives its prompts without a model', async () => {
    const { samples } = await taskTexts(
      { ...asked, samples: 1 },
      place(() => Promise.resolve(`${JSON.stringify(good)}\n${JSON.stringify(good)}`)),
    );
    assert.equal(samples.length, 1);
  });

  it('parameters are those of the table', async () => {
    const induction = { task: 'induction', samples: 1, seed: 0, parameters: { length: 2 } };
    assert.match(await detail(taskTexts(induction, noFile)), /induction\.length must be a whole number from 4/);
    assert.match(
      await detail(
        taskTexts(
          { ...asked, parameters: { a: 1 } },
          place(() => Promise.resolve('{"prompt":"a","answer":"b"}')),
        ),
      ),
      /no parameter "a"/,
    );
  });
});

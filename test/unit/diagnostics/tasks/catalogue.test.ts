/** What every task keeps: counterparts of as many tokens, one thing changed, answers of one token, seeds that reproduce. */
import assert from 'node:assert/strict';
import type { Sample } from '../../../../diagnostics/tasks/task';
import { tasks } from '../../../../diagnostics/tasks/catalogue';
import { drawSamples, drawTexts } from '../../../../diagnostics/tasks/samples';
import { TaskTokens } from '../../../../diagnostics/tasks/task-tokens';
import { resolveTable } from '../../../../protocol/analysis/parameters';
import { type ParameterValues } from '../../../../protocol/schema/parts';
import { FailureError } from '../../../../protocol/wire/failures';
import { cutTokens, demoTokens, finished } from './demo-tokens';

/** Words with their space, digits by two as GPT-2 has them, everything else a character. */
const words = cutTokens(/ ?[A-Za-z]+| ?\d\d|\s|[^\s]/gu);
const demo = demoTokens();

/** Each task with its defaults, and once more where a parameter changes what is drawn. */
const settings: readonly (readonly [id: string, given: ParameterValues])[] = [
  ...tasks.map(({ id }) => [id, {}] as const),
  ['indirect-object', { counterpart: 'ABA' }],
  ['coloured-objects', { shots: 0 }],
  ['docstring', { parameters: 6 }],
  ['multiple-choice', { counterpart: 'random letters', questions: 'category' }],
  ['capitals', { relation: 'any' }],
  ['induction', { length: 100, repeated: 99 }],
  ['key-value', { pairs: 28 }],
  ['passkey', { key: 'word', depth: 1, length: 400 }],
];

const taskOf = (id: string, given: ParameterValues) => {
  const task = tasks.find((one) => one.id === id) ?? assert.fail(id);
  const resolved = resolveTable(id, task.parameters, given);
  return { task, parameters: resolved.ok ? resolved.values : assert.fail(resolved.why) };
};

const samplesOf = (id: string, given: ParameterValues, tokens = demo, count = 12, seed = 5): readonly Sample[] => {
  const { task, parameters } = taskOf(id, given);
  return finished(drawSamples(task, { count, seed, parameters, files: {} }, tokens)).samples;
};

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof FailureError && error.failure.code === 'unsupported') return error.failure.detail;
    throw error;
  }
  return assert.fail('nothing was refused');
};

const spread = [
  ['demo', demo],
  ['words', words],
] as const;

describe('every task', () => {
  for (const [id, given] of settings) {
    const name = `${id} ${JSON.stringify(given)}`;
    it(`${name}: a counterpart has as many tokens and differs in the positions of its role alone`, () => {
      const { task } = taskOf(id, given);
      for (const [which, tokens] of spread) {
        const samples = samplesOf(id, given, tokens);
        assert.equal(samples.length, 12, which);
        for (const { prompt, counterpart, roles } of samples) {
          assert.ok(counterpart, which);
          assert.equal(counterpart.ids.length, prompt.ids.length);
          const different = prompt.ids.flatMap((token, at) => (token === counterpart.ids[at] ? [] : [at]));
          assert.ok(different.length > 0);
          const allowed = roles[task.changed] ?? assert.fail(task.changed);
          assert.deepEqual(
            different.filter((at) => !allowed.includes(at)),
            [],
            `${which}: ${prompt.text}`,
          );
          assert.deepEqual(roles['query'], [prompt.ids.length - 1]);
          assert.deepEqual(Object.keys(roles).sort(), [...Object.keys(task.roles), 'query'].sort());
        }
      }
    });

    it(`${name}: answers are one token, right ones are none of the wrong ones`, () => {
      for (const [which, tokens] of spread) {
        for (const { prompt, answers, counterpartAnswers } of samplesOf(id, given, tokens)) {
          const digits = id === 'passkey' && given['key'] !== 'word';
          if (!digits) assert.deepEqual(answers.rest, [], which);
          for (const one of [answers, ...(counterpartAnswers ? [counterpartAnswers] : [])]) {
            assert.ok(one.right.length > 0);
            assert.deepEqual(
              one.right.filter((token) => one.wrong.includes(token)),
              [],
            );
          }
          if (id === 'induction') continue;
          // Written behind its prompt, an answer is that one token more.
          answers.texts.right.slice(0, 2).forEach((text, at) => {
            const whole = [...tokens.lead, ...tokens.encode(prompt.text + text)];
            assert.deepEqual(whole, [...prompt.ids, answers.right[at], ...answers.rest], `${which}: ${prompt.text}`);
          });
        }
      }
    });

    it(`${name}: a seed gives the same samples, another seed others, and no prompt comes twice`, () => {
      const first = samplesOf(id, given);
      assert.deepEqual(samplesOf(id, given), first);
      const prompts = first.map(({ prompt }) => prompt.ids.join());
      assert.equal(new Set(prompts).size, prompts.length);
      assert.notDeepEqual(
        samplesOf(id, given, demo, 12, 6).map(({ prompt }) => prompt.ids.join()),
        prompts,
      );
    });

    it(`${name}: without a model there are prompts as text`, () => {
      if (given['length'] === 100) return assert.match(refusalOfTexts(id, given), /words for at most/);
      const { task, parameters } = taskOf(id, given);
      const { samples } = finished(drawTexts(task, { count: 3, seed: 1, parameters, files: {} }));
      assert.equal(samples.length, 3);
      for (const draft of samples) {
        assert.ok(draft.kind === 'text' && draft.counterpart !== undefined && draft.counterpart !== draft.text);
      }
    });
  }
});

const refusalOfTexts = (id: string, given: ParameterValues): string => {
  const { task, parameters } = taskOf(id, given);
  return refusal(() => finished(drawTexts(task, { count: 3, seed: 1, parameters, files: {} })));
};

describe('what a tokenizer splits', () => {
  const letters = cutTokens(/[^]/gu);

  it('is refused by its word', () => {
    for (const id of ['indirect-object', 'coloured-objects', 'capitals', 'docstring', 'key-value', 'needle-grid']) {
      assert.match(
        refusal(() => samplesOf(id, {}, letters)),
        /The tokenizer splits .*"[A-Za-z]+"/,
        id,
      );
    }
    // Three digits to a token, as Llama 3 has them: "173" and "2".
    const threes = cutTokens(/\d{1,3}| ?[A-Za-z]+|\s|[^]/gu);
    assert.match(
      refusal(() => samplesOf('greater-than', {}, threes)),
      /splits "\d\d32" neither into "\d\d" and "32" nor/,
    );
  });

  it('is left out where enough is left', () => {
    // Names of at most four letters are whole.
    const short = cutTokens(/ [A-Z][a-z]{1,3}(?![a-z])| [a-z]+|[^]/gu);
    const samples = samplesOf('indirect-object', {}, short);
    assert.equal(samples.length, 12);
    for (const { answers } of samples) assert.ok((answers.texts.right[0]?.length ?? 99) <= 5);
  });

  it('greater-than: two digits where they are one token, else the tens', () => {
    for (const { answers, facts } of samplesOf('greater-than', {}, words)) {
      const start = Number(facts['start']);
      const years = (from: number, to: number) =>
        Array.from({ length: to - from + 1 }, (_, at) => String(from + at).padStart(2, '0'));
      assert.deepEqual(answers.texts.right, years(start + 1, 99));
      assert.deepEqual(answers.texts.wrong, years(0, start));
    }
    for (const { prompt, answers } of samplesOf('greater-than', {}, demo)) {
      const tens = Number(/year \d\d(\d)\d to/.exec(prompt.text)?.[1]);
      assert.deepEqual(answers.texts.right.map(Number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].slice(tens + 1));
      assert.deepEqual(answers.texts.wrong.map(Number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].slice(0, tens));
    }
  });
});

describe('lengths and depths', () => {
  it('passkey: about as many tokens as asked for, the key at its depth', () => {
    for (const depth of [0, 0.5, 1]) {
      for (const { prompt, roles } of samplesOf('passkey', { length: 300, depth }, demo, 3)) {
        assert.ok(prompt.ids.length <= 300 && prompt.ids.length > 280, `${prompt.ids.length} tokens`);
        const at = (roles['needle']?.[0] ?? 0) / prompt.ids.length;
        // Introduction and question take about a fifth of so short a prompt.
        assert.ok(Math.abs(at - depth) < 0.3, `depth ${depth}: ${at}`);
        assert.match(prompt.text, depth === 0 ? /there\. The pass key is/ : /The pass key is \d+\. Remember/);
      }
    }
    assert.match(
      refusal(() => samplesOf('passkey', { length: 400 }, demoTokens(256))),
      /has \d+ tokens, and this model reads at most 256/,
    );
  });

  it('a token that the tokenizer puts in front of every text is not counted for every sentence', () => {
    const fronted = new TaskTokens(
      (text) => [49_999, ...words.encode(text)],
      words.decode,
      [0],
      50_000,
      [0],
      undefined,
    );
    for (const { prompt } of samplesOf('passkey', { length: 300 }, fronted, 3)) {
      assert.ok(prompt.ids.length <= 300 && prompt.ids.length > 280, `${prompt.ids.length} tokens`);
    }
  });

  it('needle-grid: every length at every depth, hidden in the file that is given', () => {
    const { task, parameters } = taskOf('needle-grid', { lengths: '64,96', depths: 3, haystack: 'x.txt' });
    const sea = 'The sea was calm. Nobody spoke. “Row on,” she said. ';
    const { samples } = finished(drawSamples(task, { count: 6, seed: 1, parameters, files: { haystack: sea } }, demo));
    assert.deepEqual(
      samples.map(({ facts }) => [facts['length'], facts['depth']]),
      [
        [64, 0],
        [96, 0],
        [64, 0.5],
        [96, 0.5],
        [64, 1],
        [96, 1],
      ],
    );
    for (const { prompt, roles, facts } of samples) {
      assert.match(prompt.text, /The sea was calm/);
      assert.ok(prompt.ids.length <= Number(facts['length']));
      const needle = demo.decode((roles['needle'] ?? []).map((at) => prompt.ids[at] ?? 0));
      assert.match(prompt.text, new RegExp(`is in the${needle}\\.`));
    }
    assert.match(
      refusal(() => samplesOf('needle-grid', { lengths: '64,many' })),
      /Lengths are whole numbers from 48 on, .* not "64,many"/,
    );
  });
});

describe('roles', () => {
  it('name the tokens that stand there', () => {
    const read = (sample: Sample, role: string): string =>
      demo.decode((sample.roles[role] ?? []).map((at) => sample.prompt.ids[at] ?? 0));
    for (const sample of samplesOf('indirect-object', {})) {
      assert.equal(read(sample, 'indirect-object'), sample.answers.texts.right[0]);
      assert.equal(read(sample, 'subject'), sample.answers.texts.wrong[0]);
      assert.equal(read(sample, 'repeated-subject'), sample.answers.texts.wrong[0]);
    }
    for (const sample of samplesOf('key-value', {})) {
      assert.equal(read(sample, 'value'), sample.answers.texts.right[0]);
      assert.equal(read(sample, 'key'), read(sample, 'asked'));
    }
    for (const sample of samplesOf('multiple-choice', {})) {
      assert.equal(read(sample, 'letters'), 'ABCD');
      assert.equal(read(sample, 'right-letter'), sample.answers.texts.right[0]);
    }
    for (const { prompt, roles, answers } of samplesOf('induction', {})) {
      const [copied = 0, match = 0, query = 0] = [roles['copied'], roles['match'], roles['query']].map((at) => at?.[0]);
      assert.equal(prompt.ids[match], prompt.ids[query]);
      assert.equal(copied, match + 1);
      assert.deepEqual(answers.right, [prompt.ids[copied]]);
    }
  });
});

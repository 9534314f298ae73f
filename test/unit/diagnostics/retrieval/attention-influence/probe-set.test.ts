/** Probes in the tokens of the demo model: the answer is the value of the key that is asked for, and stands where it is said. */
import assert from 'node:assert/strict';
import { probesOf } from '../../../../../diagnostics/retrieval/attention-influence/probe-set';
import { demoTokens } from '../../tasks/demo-tokens';

const tokens = demoTokens();
const setting = {
  facts: { summary: { vocabulary: 1280, contextLength: 2048 }, specialIds: [0, 1, 2], bosId: 0 },
  tokens,
  length: 1024,
  seed: 2,
};

describe('probes', () => {
  it('of JSON: the key asked for last has the value that is the answer, after three worked questions', () => {
    const probes = probesOf('json', 4, setting);
    assert.equal(probes.length, 4);
    for (const { ids, tests } of probes) {
      assert.ok(ids.length <= 1024 && ids.length > 700, `${ids.length} tokens`);
      const text = tokens.decode(ids.slice(tokens.lead.length));
      const object = JSON.parse(/\{.*\}/u.exec(text)?.[0] ?? '') as Record<string, string>;
      const questions = [...text.matchAll(/Question: .*"(\w+)"\?\nAnswer: (.*)/gu)];
      assert.equal(questions.length, 4);
      for (const [, key = '', value] of questions) assert.equal(object[key], value);
      const [test] = tests;
      assert.ok(test && tests.length === 1);
      const said = (rows: readonly number[]): string => tokens.decode(rows.map((row) => ids[row] ?? -1));
      assert.equal(said(test.answer), ` ${questions[3]?.[2] ?? ''}`);
      assert.ok(said(test.needle).includes(questions[3]?.[2] ?? 'none'));
      assert.equal(test.answer.at(-1), ids.length - 1);
      assert.ok(Object.keys(object).every((key) => /^[A-Za-z0-9]+$/u.test(key)));
    }
  });

  it('of JSON: shorter keys where there is little room, and none where there is too little', () => {
    const keyLength = (length: number): number | undefined => {
      const [probe] = probesOf('json', 1, { ...setting, length });
      return probe && /"(\w+)": /u.exec(tokens.decode(probe.ids))?.[1]?.length;
    };
    assert.equal(keyLength(2000), 32);
    assert.ok((keyLength(500) ?? 32) < 32);
    assert.equal(keyLength(200), undefined);
  });

  it('of a table: the word behind the key', () => {
    for (const { ids, tests } of probesOf('table', 4, setting)) {
      const [test] = tests;
      assert.equal(test?.answer.length, 1);
      assert.equal(ids[test.needle[0] ?? -1], ids.at(-1));
    }
  });

  it('of random tokens: no tokenizer is needed; every key has its value', () => {
    const [probe] = probesOf('tokens', 1, { ...setting, tokens: undefined });
    assert.ok(probe && probe.tests.length > 5);
    for (const { needle, answer } of probe.tests) {
      const [from = 0] = needle;
      const [at = 0] = answer;
      assert.equal(probe.ids[at], probe.ids[from]);
      assert.equal(probe.ids[at - 2], probe.ids[from - 2], 'the same key');
    }
    assert.equal(probesOf('json', 1, { ...setting, tokens: undefined }).length, 0);
  });
});

/** Gates of DuoAttention as a choice, their training without a model, and the prompts that they are trained on. */
import assert from 'node:assert/strict';
import {
  gateStep,
  meanGate,
  rateFactor,
  startingGates,
} from '../../../../../diagnostics/plans/duoattention/gate-training';
import { keyPrompt, type KeySource } from '../../../../../diagnostics/plans/duoattention/pass-keys';
import type { ModelFacts } from '../../../../../diagnostics/model-runner/model-runner';
import { TaskTokens } from '../../../../../diagnostics/tasks/task-tokens';
import { chooseByGates } from '../../../../../protocol/plans/gates';

describe('DuoAttention: the choice by gates', () => {
  it('keeps the gates from the quantile on: of five the upper two or three, as numpy.quantile has it', () => {
    const gates = [
      [0.9, 0.1, 0.5],
      [0.7, 0.3],
    ];
    // The 0.5-quantile of .1 .3 .5 .7 .9 is 0.5, the 0.6-quantile 0.5 + 0.4 · 0.2.
    const half = chooseByGates(gates, { sparsity: 0.5 });
    assert.deepEqual(half, {
      full: [
        [true, false, true],
        [true, false],
      ],
      threshold: 0.5,
      count: 3,
    });
    const more = chooseByGates(gates, { sparsity: 0.6 });
    assert.deepEqual(more.full, [
      [true, false, false],
      [true, false],
    ]);
    assert.ok(Math.abs(more.threshold - 0.58) < 1e-12);
    assert.equal(chooseByGates(gates, { sparsity: 0 }).count, 5);
    assert.equal(chooseByGates(gates, { sparsity: 1 }).count, 0);
    assert.deepEqual(chooseByGates(gates, { threshold: 0.7 }).full, [
      [true, false, false],
      [true, false],
    ]);
  });

  it('keeps round((1 - q) n) heads, one more or less, however many gates are 1, and those of the lower layer first', () => {
    for (let n = 2; n <= 40; n += 3) {
      const gates = [
        Array.from({ length: n }, (_, at) => (at % 3 === 0 ? 0.2 : 1)),
        Array.from({ length: n }, () => 1),
      ];
      for (let tenth = 1; tenth < 10; tenth++) {
        const sparsity = tenth / 10;
        const { full, count } = chooseByGates(gates, { sparsity });
        assert.equal(full.flat().filter(Boolean).length, count);
        assert.ok(Math.abs(count - Math.round((1 - sparsity) * 2 * n)) <= 1, `${count} of ${2 * n} at ${sparsity}`);
      }
    }
    assert.deepEqual(
      chooseByGates(
        [
          [1, 1],
          [1, 1],
        ],
        { sparsity: 0.5 },
      ).full,
      [
        [true, true],
        [false, false],
      ],
    );
  });
});

describe('DuoAttention: training of gates', () => {
  it('the rate rises over the first fifth from a tenth, stays, and falls over the last', () => {
    const factors = Array.from({ length: 50 }, (_, step) => rateFactor(step, 50));
    assert.deepEqual(factors.slice(0, 10), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    assert.ok(factors.slice(10, 41).every((factor) => factor === 1));
    assert.deepEqual(factors.slice(45), [0.5, 0.4, 0.3, 0.2, 0.1]);
  });

  it('two steps are those of AdamW by hand, on the gradient of distance and penalty', () => {
    const settings = { steps: 10, rate: 0.02, penalty: 0.05 };
    const one = gateStep(startingGates(2), [0, -0.5], settings);
    // g = 0.025 and -0.475; the first step of Adam is the rate against the sign: 0.02 times 0.5; 1 is the most.
    assert.ok(Math.abs(one.gates[0]! - (1 - (0.01 * 0.025) / (0.025 + 1e-8))) < 1e-12);
    assert.equal(one.gates[1], 1);
    const two = gateStep(one, [0.1, 0], settings);
    const [g1, g2] = [0.025, 0.125];
    const m = (0.9 * 0.1 * g1 + 0.1 * g2) / (1 - 0.9 ** 2);
    const v = (0.999 * 0.001 * g1 ** 2 + 0.001 * g2 ** 2) / (1 - 0.999 ** 2);
    assert.ok(Math.abs(two.gates[0]! - (one.gates[0]! - (0.02 * m) / (Math.sqrt(v) + 1e-8))) < 1e-12);
    assert.equal(meanGate([0.5, 1]), 0.75);
  });

  it('without a distance all gates go to 0', () => {
    let state = startingGates(3);
    for (let step = 0; step < 100; step++)
      state = gateStep(state, [0, 0, 0], { steps: 100, rate: 0.02, penalty: 0.05 });
    assert.deepEqual(state.gates, [0, 0, 0]);
  });
});

describe('DuoAttention: prompts of pass keys', () => {
  const facts = (contextLength: number): ModelFacts =>
    ({ summary: { vocabulary: 64, contextLength }, specialIds: [0], bosId: 0 }) as unknown as ModelFacts;
  const settings = { keys: 3, words: 4, shortest: 40, longest: 60 };

  it('in random tokens each key stands in the text and, in the same order, behind it; nothing else counts', () => {
    const source: KeySource = { facts: facts(200), tokens: undefined };
    const { ids, labels, answers } = keyPrompt(source, settings, 1, 'step 0');
    const context = ids.length - 15;
    assert.ok(context >= 40 && context <= 60 && ids[0] === 0);
    assert.deepEqual(
      labels,
      Array.from({ length: 15 }, (_, at) => context + at),
    );
    assert.equal(answers.length, 12);
    const asked = ids.slice(context);
    let from = 0;
    for (let key = 0; key < 3; key++) {
      const said = asked.slice(5 * key, 5 * key + 5);
      const at = ids.findIndex((id, place) => place >= from && id === said[0]);
      assert.ok(at > 0 && at + 5 <= context);
      assert.deepEqual(ids.slice(at, at + 5), said);
      from = at + 5;
    }
    assert.equal(new Set(asked).size, 15, 'no token of a key is another’s');
    assert.deepEqual(keyPrompt(source, settings, 1, 'step 0').ids, ids);
    assert.notDeepEqual(keyPrompt(source, settings, 1, 'step 1').ids, ids);
  });

  it('in words the questions and answers count, whatever the tokens', () => {
    // A token a character; two stand in front of every text.
    const tokens = new TaskTokens(
      (text) => [...text].map((letter) => letter.charCodeAt(0)),
      (ids) => String.fromCharCode(...ids),
      [1, 2],
      256,
      [],
      undefined,
    );
    const asked = { keys: 2, words: 3, shortest: 900, longest: 900 };
    const { ids, labels, answers } = keyPrompt({ facts: facts(4000), tokens }, asked, 5, 'step 0');
    const text = tokens.decode(ids.slice(2));
    const first = (labels[0] ?? 0) - 2;
    assert.equal(labels.at(-1), ids.length - 1);
    assert.ok(Math.abs(first - 900) < 150, `${first}`);
    const questions = text.slice(first);
    assert.match(questions, /^\n\nWhat is the first key.*What is the second key/su);
    const given = answers.map((row) => tokens.decode([ids[row] ?? 0])).join('');
    const keys = [...text.slice(0, first).matchAll(/The (\w+) key to the vault is: ([a-z ]+)\./gu)];
    assert.deepEqual(
      keys.map(([, ordinal]) => ordinal),
      ['first', 'second'],
    );
    assert.equal(given, keys.map(([, , key]) => ` ${key}.`).join(''));
    keys.forEach(([, , key = '']) => assert.equal(key.split(' ').length, 3));
  });

  it('refuses in a sentence what the model has no room for', () => {
    const source = (context: number): KeySource => ({ facts: facts(context), tokens: undefined });
    assert.throws(() => keyPrompt(source(50), settings, 1, 'step 0'), /reads at most 50\. Choose fewer keys/u);
    const many = { ...settings, words: 30 };
    assert.throws(() => keyPrompt(source(500), many, 1, 'step 0'), /do not fit a vocabulary of 64\./u);
  });
});

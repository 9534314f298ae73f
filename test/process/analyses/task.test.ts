/** `headscope task` and analyses that read a task, on the demo model. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { TaskResult } from '../../../protocol/analysis/tasks';
import { shortDemoLm as model } from '../../support/demo-models';
import { patience } from '../../support/patience';
import { buildServer, headscope } from './support/analysis-server';

describe('headscope task', function () {
  this.timeout(180_000);
  let folder: string;
  before(async () => {
    await buildServer();
    folder = mkdtempSync(join(tmpdir(), 'headscope-tasks-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...words: readonly string[]) => headscope(words, join(folder, 'cache'));
  const json = async <T = TaskResult>(...words: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...words, '--json', '-');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };

  // What the card of the model says (examples/models/demo-lm/README.md), with room for other prompts: copying 32 random tokens
  // 99.8 %, capitals 100 %, 12 pairs of keys and values 100 %, indirect objects 100 %, multiple choice 24 to 27 % (chance).
  for (const [id, least, most] of [
    ['induction', 0.9, 1],
    ['capitals', 0.9, 1],
    ['key-value', 0.9, 1],
    ['indirect-object', 0.85, 1],
    ['multiple-choice', 0.02, 0.5],
  ] as const) {
    it(`${id}: accuracy is that of the card`, async () => {
      const { accuracy, metric, samples, headscope: version } = await json('task', id, model, '--samples', '40');
      assert.ok(accuracy && accuracy.value >= least && accuracy.value <= most, `${accuracy?.value}`);
      assert.ok(accuracy.low <= accuracy.value && accuracy.value <= accuracy.high && accuracy.low < accuracy.high);
      assert.equal(accuracy.n, 40);
      assert.equal(samples.length, 40);
      assert.equal(samples.filter(({ score }) => score?.correct).length, accuracy.correct);
      assert.equal(metric.name, 'logit-difference');
      const mean = samples.reduce((sum, { score }) => sum + (score?.logitDifference ?? NaN), 0) / 40;
      assert.ok(Math.abs(mean - (metric.mean ?? NaN)) < 1e-9);
      assert.ok(samples.every(({ ids, counterpartIds }) => ids && ids.length === counterpartIds?.length));
      assert.match(version, /^\d/);
    });
  }

  it('a pass key of several tokens counts where all of it follows; length and depth are parameters', async () => {
    const { accuracy, samples } = await json(
      ...['task', 'passkey', model, '--samples', '10', '--param', 'length=128', '--param', 'depth=0.2'],
    );
    // The card: 96 % of keys of five digits at 128 tokens, in other filler.
    assert.ok((accuracy?.value ?? 0) >= 0.5);
    assert.ok(samples.every(({ facts, ids }) => facts['depth'] === 0.2 && (ids?.length ?? 999) <= 128));
  });

  it('without a model: prompts and counterparts as text, the same for the same seed', async () => {
    const words = ['task', 'greater-than', '--samples', '3', '--seed', '7'];
    const { accuracy, samples, metric } = await json(...words);
    assert.equal(accuracy, undefined);
    assert.deepEqual(metric, { name: 'probability-difference' });
    assert.equal(samples.length, 3);
    for (const { prompt, counterpart } of samples) {
      assert.match(prompt, /^The \w+ lasted from the year \d{4} to the year \d\d$/);
      assert.equal(counterpart, prompt.replace(/(year \d\d)\d\d/, '$101'));
    }
    assert.deepEqual((await json(...words)).samples, samples);
    const { stdout } = await run(...words);
    assert.match(stdout, /Hanna et al\. 2023/);
  });

  it("a person's own file: bad lines are named, the rest runs", async () => {
    const file = join(folder, 'own.jsonl');
    const lines = [
      { prompt: 'As we all know, the capital of Canada is', answer: ' Ottawa', wrong: ' Oslo' },
      { prompt: 'As we all know, the capital of Norway is' },
    ];
    writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    const { code, stdout, stderr } = await run('task', file, model);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Line 2 is left out: answer is missing\./);
    assert.match(stdout, /Accuracy 100 % \(95 % interval 20\.7 % to 100 %; 1 of 1\)/);
  });

  it('refuses what is not known with a sentence', async () => {
    for (const [words, exit, sentence] of [
      [['task', 'inducton'], 2, /There is no task "inducton"\. Choose one of indirect-object,/],
      [['task', 'passkey', '--param', 'deep=1'], 2, /passkey has no parameter "deep"\. It takes length, depth, key/],
      [['task', 'passkey', model, '--param', 'length=4000'], 3, /has \d+ tokens, and this model reads at most 2048/],
      [
        ['task', join(folder, 'gone.jsonl')],
        2,
        /gone\.jsonl cannot be read: there is no such file or folder\. Check the path\./,
      ],
    ] as const) {
      const { code, stderr } = await run(...words);
      assert.match(stderr, sentence);
      assert.equal(code, exit, stderr);
    }
  });

  for (const [name, given] of [
    ['with a model', [model]],
    ['without one', []],
  ] as const) {
    it(`is cancelled while prompts are made, ${name}`, async () => {
      const words = ['task', 'needle-grid', ...given, '--samples', '100000', '--param', 'lengths=1024'];
      const started = performance.now();
      const { code } = await headscope(words, join(folder, 'cache'), (interrupt) =>
        setTimeout(interrupt, patience(2000)),
      );
      assert.equal(code, 130);
      assert.ok(performance.now() - started < patience(60_000), 'making all of them would take many minutes');
    });
  }

  it('the catalogue lists tasks and interventions', async () => {
    const { tasks, interventions } = await json<{
      tasks: { id: string; title: string; metric: string; parameters: { name: string }[] }[];
      interventions: { kind: string; parameters: unknown[] }[];
    }>('analyses');
    const ids =
      'indirect-object coloured-objects greater-than docstring multiple-choice capitals induction key-value passkey needle-grid';
    assert.deepEqual(
      tasks.map(({ id }) => id),
      ids.split(' '),
    );
    assert.deepEqual(
      tasks.find(({ id }) => id === 'passkey')?.parameters.map(({ name }) => name),
      ['length', 'depth', 'key'],
    );
    assert.ok(interventions.some(({ kind, parameters }) => kind === 'gain' && parameters.length > 0));
  });

  it('an analysis that reads a task gets its samples, and interventions act on them', async () => {
    const words = ['run', 'task-reader', model, '--task', 'induction', '--task-param', 'length=16', '--samples', '12'];
    const { result, input, parity } = await json<AnalysisResult>(...words);
    assert.equal(result['task'], 'induction');
    assert.equal((result['prompts'] as string[]).length, 12);
    assert.ok(Number(result['correct']) >= 10);
    assert.deepEqual(input, { kind: 'task', task: 'induction', samples: 12, taskParameters: { length: 16 } });
    assert.equal(parity?.ok, true);
    // The card: without the previous-token head the loss of copying rises by 10.66 nats.
    const without = await json<AnalysisResult>(...words, '--gain', '0.6=0');
    assert.ok(Number(without.result['correct']) <= 6);
    const bound = await run(...words, '--do', 'bias:0.0:0-1=1');
    assert.notEqual(bound.code, 0);
    assert.match(bound.stderr, /A task has many prompts/);
  });
});

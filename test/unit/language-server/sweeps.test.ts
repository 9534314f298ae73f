/** Sweeps in the editor: findings in their place, completion where something is written, hovers. `|` marks the caret. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isSweep } from '../../../protocol/sweeps/sweep-name';
import { sweepCompletions, sweepFindings, sweepHover } from '../../../language-server/service/sweeps/sweep-service';
import { sweepCatalogueFile, sweepCatalogueText } from '../../../build/sweep-catalogue.mjs';

const head = 'kind: headscope-sweep\nversion: 1\n';
const ablation = `${head}run: ablation\n`;
const model = 'settings: {model: a, task: induction}\n';

const offered = (marked: string): readonly string[] =>
  sweepCompletions(marked.replace('|', ''), marked.indexOf('|')).map(({ label }) => label);

/** The text after a completion was chosen. */
function chosen(marked: string, label: string): string {
  const text = marked.replace('|', '');
  const found = sweepCompletions(text, marked.indexOf('|')).find((one) => one.label === label);
  assert.ok(found, `${label} is not offered`);
  return text.slice(0, found.span.offset) + found.text + text.slice(found.span.offset + found.span.length);
}

/** Findings as [what is marked, message]. */
const found = (text: string): readonly (readonly [string, string])[] =>
  sweepFindings(text).map(({ from, to, message }) => [text.slice(from, to), message]);

describe('a sweep in the editor', () => {
  it('is known by its name', () => {
    assert.ok(isSweep('file:///a/heads.headscope-sweep.yaml'));
    assert.ok(!isSweep('file:///a/docker-compose.yaml'));
  });

  it('goes by a catalogue that is up to date (npm run manifest)', async () => {
    assert.equal(readFileSync(sweepCatalogueFile, 'utf8'), await sweepCatalogueText());
  });

  it('has no findings where nothing is wrong', () => {
    const whole = [
      ablation,
      'settings:\n  samples: 4\n  task: induction # a comment\n',
      'matrix:\n  model: [a, b]\n  param.mode:\n    - zero\n    - mean\n',
      'cells:\n  - { model: c, param.mode: zero }\n',
      'exclude:\n  - { model: b, param.mode: mean }\n',
      'seeds: [1, 2]\nresources: {threads: 2, memory: 4GB, gpus: 0, time: 1h30m}\ntries: 2\nengine: local\nlocal: {processes: 2}\n',
    ];
    assert.deepEqual(found(whole.join('')), []);
    assert.deepEqual(found(`${head}run: toy-circuits\nseeds: 2\n`), []);
    assert.deepEqual(
      found(`${head}run: bench\nmatrix: {mechanisms: [fused, [fused, linear]], memory: [true, false]}\n`),
      [],
    );
  });

  it('marks what is wrong in its place, with what was meant', () => {
    const one = (text: string): readonly [string, string] => {
      const all = found(text);
      assert.equal(all.length, 1, JSON.stringify(all));
      return all[0] ?? ['', ''];
    };
    const [run, saysRun] = one(`${head}run: ablatoin\n`);
    assert.equal(run, 'ablatoin');
    assert.match(saysRun, /did you mean "ablation"\? It runs bench, task, captions and plan evaluate/u);
    assert.deepEqual(one(`${ablation}${model}matrx: {}\n`)[0], 'matrx');
    const [key, saysKey] = one(`${ablation}${model}matrix:\n  mode: [zero]\n`);
    assert.equal(key, 'mode');
    assert.match(saysKey, /is a parameter of .*\. Write param\.mode\.$/u);
    assert.deepEqual(one(`${ablation}${model}matrix:\n  param.mode: [zero, nil]\n`), [
      'nil',
      'param.mode must be one of zero, mean, resample, not "nil".',
    ]);
    assert.match(one(`${ablation}settings: {task: induction}\n`)[1], /needs a model in every cell/u);
    assert.match(
      one(`${ablation}${model}resources: {memory: much}\n`)[1],
      /resources\.memory is not a size such as 6GB/u,
    );
    assert.match(one(`${ablation}${model}exclude:\n  - {seed: 3}\nseeds: 2\n`)[1], /No cell has 3 as its seed/u);
    assert.match(
      one(`${ablation}${model}split: {parts: 2}\n`)[1],
      /cannot be cut into parts: those of .*captions can/u,
    );
    assert.match(one(`${ablation}${model}seeds: 2000000\n`)[1], /seeds is not a whole number from 1 to 1000000/u);
    assert.deepEqual(one(`${ablation}settings: {model: a, task: induction, samples: 0}\n`), [
      '0',
      'samples must be a whole number from 1 to 100000, not 0.',
    ]);
    assert.match(one(`${ablation}${model}seeds: 2\nmatrix:\n  samples: [4, 4.5]\n`)[1], /^samples must be a whole/u);
    assert.deepEqual(one(`${head}run: bench\nmatrix:\n  lengths: [64, [64, 128], "64,128", "64,x"]\n`), [
      '"64,x"',
      'lengths must be a whole number from 1 to 16777216, or several separated by commas, not "64,x".',
    ]);
    assert.deepEqual(one(`${head}run: toy-circuits\nmatrix:\n  param.steps: [100, -1]\n`)[0], '-1');
    assert.match(one(`${head}run: ablation\nrun: bench\n`)[1], /not valid YAML/u);
    assert.match(one('')[1], /holds no sweep/u);
  });

  it('knows tasks, their parameters, devices and sizes', () => {
    const marks = (text: string): readonly string[] => found(text).map(([mark]) => mark);
    const task = (lines: string): string => `${head}run: task\n${lines}`;
    const [[name, says] = ['', '']] = found(`${ablation}settings: {model: a}\nmatrix: {task: [induction, inducton]}\n`);
    assert.equal(name, 'inducton');
    assert.match(
      says,
      /^There is no task "inducton"; did you mean "induction"\? Choose from indirect-object, .*needle-grid, or name a file/u,
    );
    assert.deepEqual(found(task('cells: [{task: folder/a.headscope-task.ts}]\n')), [
      [
        'folder/a.headscope-task.ts',
        'A sweep runs no task file of code. Run "folder/a.headscope-task.ts" with "headscope task", or write its prompts as JSONL.',
      ],
    ]);
    assert.deepEqual(marks(task('cells: [{task: a.jsonl}, {task: folder/own}, {task: capital}]\n')), ['capital']);
    // induction has length and repeated, capitals has shots and relation, key-value has pairs alone.
    const several = 'settings: {model: a}\nmatrix:\n  task: [induction, capitals]\n';
    assert.deepEqual(
      found(task(`${several}  param.shots: [0]\n`)).map(([mark, message]) => [
        mark,
        /the task induction/u.test(message),
      ]),
      [['param.shots', true]],
    );
    assert.deepEqual(marks(task(`${several}  param.shots: [0]\nexclude: [{task: induction, param.shots: 0}]\n`)), []);
    assert.deepEqual(marks(task('settings: {param.length: 64}\nmatrix:\n  task: [induction, passkey]\n')), ['64']);
    assert.deepEqual(found(task('settings: {task: key-value, param.pairs: 40}\n')), [
      ['40', 'param.pairs must be a whole number from 2 to 28, not 40.'],
    ]);
    assert.deepEqual(
      marks(task('cells:\n  - {task: induction, param.length: 8}\n  - {task: key-value, param.length: 8}\n')),
      ['param.length'],
    );
    assert.deepEqual(marks(`${ablation}${model}matrix:\n  task-param.lenght: [8]\n`), ['task-param.lenght']);

    const devices = '[cpu, auto, [webgpu, cpu], "webgpu:0-3,cpu:4-7", gpu, "cpu:0-3,cuda:5", 0]';
    assert.deepEqual(found(`${ablation}${model}matrix:\n  device: ${devices}\n`), [
      [
        'gpu',
        'There is no device "gpu". Devices are cpu, webgpu, cuda, coreml, dml; auto chooses among those that work here.',
      ],
      ['"cpu:0-3,cuda:5"', 'No device has layer 4. Let cuda begin at 4, or give them to another device.'],
      [
        '0',
        'There is no device "0". Devices are cpu, webgpu, cuda, coreml, dml; auto chooses among those that work here.',
      ],
    ]);
    assert.deepEqual(marks(`${ablation}${model}matrix: {memory-limit: [6GB, 2000, much]}\n`), ['much']);
  });

  it('says what an analysis runs on where a cell has none of it', () => {
    const says = (text: string): string =>
      found(text)
        .map(([mark, message]) => `${mark}: ${message}`)
        .join();
    assert.equal(
      says(`${ablation}settings: {model: a}\n`),
      'ablation: Ablation of heads and MLPs runs on a prompt (prompt), or a prompt and its counterpart (prompt, counterpart), or a task (task), but some cells have none. Add one under settings, or a list of them under matrix.',
    );
    assert.match(says(`${head}run: activation-patching\nsettings: {model: a, prompt: b}\n`), /^activation-patching: /u);
    assert.equal(says(`${ablation}settings: {model: a, prompt: b, counterpart-file: c.txt}\n`), '');
    assert.equal(
      says(`${ablation}settings: {model: a}\ncells: [{task: induction}, {prompt: b, counterpart: c}]\n`),
      '',
    );
    assert.match(says(`${ablation}settings: {model: a}\ncells: [{task: induction}, {samples: 3}]\n`), /^ablation: /u);
    assert.match(says(`${head}run: plan evaluate\nsettings: {model: a}\n`), /^plan evaluate: /u);
  });

  it('reads hostile texts without hanging or harm', () => {
    const aliases = `a: &a [x, x]\n${'bcdefghijklmnop'
      .split('')
      .map(
        (name, at) =>
          `${name}: &${name} [*${at === 0 ? 'a' : 'bcdefghijklmnop'[at - 1]}, *${at === 0 ? 'a' : 'bcdefghijklmnop'[at - 1]}]`,
      )
      .join('\n')}\n`;
    assert.ok(found(`${ablation}${aliases}`).length > 0);
    assert.ok(found(`${'['.repeat(5000)}`).length > 0);
    assert.ok(found('__proto__: {a: 1}\nkind: headscope-sweep\n').length > 0);
  });

  it('completes keys, settings of what runs, and values', () => {
    const top = offered(`${head}|`);
    assert.ok(top.includes('matrix') && top.includes('resources') && !top.includes('kind'), top.join());
    assert.equal(chosen(`${head}ru|`, 'run'), `${head}run: `);
    const runs = offered(`${head}run: |`);
    assert.ok(runs.includes('ablation') && runs.includes('plan evaluate') && runs.includes('toy-circuits'));
    for (const place of ['matrix:\n  |', 'settings: {|', 'cells:\n  - |', 'exclude:\n  - {model: a, |'])
      assert.ok(offered(`${ablation}${place}`).includes('param.mode'), place);
    const settings = offered(`${ablation}matrix:\n  model: [a]\n  |`);
    assert.ok(
      settings.includes('weights') && !settings.includes('model') && !settings.includes('json'),
      settings.join(),
    );
    assert.deepEqual(offered(`${ablation}matrix:\n  param.mode: [zero, |`), ['zero', 'mean', 'resample']);
    assert.deepEqual(offered(`${ablation}matrix:\n  param.mode:\n    - |`), ['zero', 'mean', 'resample']);
    assert.ok(offered(`${ablation}settings:\n  task: |`).includes('induction'));
    assert.deepEqual(offered(`${ablation}settings:\n  device: |`).slice(0, 3), ['auto', 'cpu', 'webgpu']);
    assert.deepEqual(offered(`${ablation}resources:\n  |`), ['threads', 'memory', 'gpus', 'time']);
    assert.deepEqual(offered(`${ablation}engine: |`), ['local', 'slurm', 'kubernetes']);
    assert.deepEqual(offered('kind: |'), ['headscope-sweep']);
    assert.ok(!offered(`${head}run: toy-circuits\nmatrix:\n  |`).includes('model'), 'it trains its own');
  });

  it('explains a key', () => {
    const text = `${ablation}matrix:\n  param.mode: [zero]\n`;
    const hover = sweepHover(text, text.indexOf('mode') + 2);
    assert.equal(text.slice(hover?.span.offset, (hover?.span.offset ?? 0) + (hover?.span.length ?? 0)), 'param.mode');
    assert.ok((hover?.text.length ?? 0) > 10);
    assert.match(sweepHover(text, text.indexOf('matrix') + 1)?.text ?? '', /a cell for each combination/u);
  });
});

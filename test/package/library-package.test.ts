/** headscope-lib as a person installs it: packed by npm, in an empty folder, used by a script and by a file that TypeScript checks. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageLibrary } from '../../build/library-package.mjs';
import { llamaLike, writeTinyModel } from '../support/checkpoints/tiny-models';
import { repositoryRoot } from '../support/host/versions';
import type { Parameters } from '../support/reference/vectors';
import { runProcess } from './unpacked';

const ids = [3, 20, 37, 54, 10, 27, 3, 20];
const demo = join(repositoryRoot, 'examples/models/demo-lm');

/** Calls that fail: as they are written, the code of the error, and a part of its sentence. */
const faults: readonly (readonly [call: string, code: string, sentence: RegExp])[] = [
  ["openModel('nowhere')", 'model-unusable', /no such folder/],
  ["openModel('.')", 'model-unusable', /config\.json/],
  ["openModel('strange')", 'model-unusable', /heads-of-tomorrow/],
  ['openModel(3)', 'usage', /folder of a checkpoint/],
  ["openModel('tiny', { devise: 'cpu' })", 'usage', /no setting "devise"/],
  ["openModel('tiny', { device: 'quantum' })", 'device-unavailable', /quantum/],
  ['model.run(prompt, { tap: [] })', 'usage', /no setting "tap"/],
  ['model.run(prompt, null)', 'usage', /an object/],
  ['model.run(42)', 'bad-request', /an object, not 42/],
  ["model.run({ kind: 'ids', ids: [61] })", 'bad-request', /outside the vocabulary of 61/],
  ["model.run({ kind: 'ids', ids: Array(129).fill(1) })", 'bad-request', /129 tokens .* holds 128/],
  ['model.run(prompt, { attention: [{ layer: 0, head: 4 }] })', 'bad-request', /no head 4 in layer 0: it has 4/],
  ["model.run(prompt, { taps: ['layer.2.residual'] })", 'bad-request', /no layer 2: the model has 2/],
  ["model.run(prompt, { taps: ['resid_pre'] })", 'bad-request', /no tap "resid_pre".*layer\.N/],
  ["model.run(prompt, { taps: ['layer.0.cross.query'] })", 'bad-request', /no "cross\.query" in this model/],
  ['model.run(prompt, { rows: [8] })', 'bad-request', /Row 8 .* 8 tokens/],
  ["model.run(prompt, { interventions: ['head:9.0=zero'] })", 'bad-request', /no layer 9/],
  ["model.run(prompt, { interventions: ['remove it'] })", 'usage', /KIND:/],
  ["model.run(prompt, { interventions: [{ kind: 'remove' }] })", 'bad-request', /not "remove"/],
  ['model.run(prompt, { signal: AbortSignal.abort() })', 'cancelled', /Cancelled/],
  ["model.analyse('astrology')", 'bad-request', /no analysis "astrology"/],
  ["model.analyse('heads')", 'bad-request', /reads a prompt/],
  ['(model.close(), model.run(prompt))', 'closed', /closed\. Open it again/],
];

describe('the package for scripts', function () {
  this.timeout(120_000);
  const tiny = llamaLike('llama', 'llama');
  let folder = '';
  let parameters: Parameters;
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const node = (name: string): Promise<string> => runProcess(process.execPath, [name], folder);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-lib-'));
    await stageLibrary(join(folder, 'package'));
    const installed = join(folder, 'node_modules/headscope-lib');
    mkdirSync(installed, { recursive: true });
    // Its one dependency comes from the registry, and here from the repository.
    symlinkSync(
      join(repositoryRoot, 'node_modules/onnxruntime-node'),
      join(folder, 'node_modules/onnxruntime-node'),
      'junction',
    );
    execFileSync('npm', ['pack', './package', '--silent'], { cwd: folder, shell: process.platform === 'win32' });
    const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
    execFileSync('tar', ['-xzf', archive, '-C', 'node_modules/headscope-lib', '--strip-components=1'], { cwd: folder });
    parameters = writeTinyModel(join(folder, 'tiny'), tiny);
    mkdirSync(join(folder, 'strange'));
    write('strange/config.json', '{ "model_type": "heads-of-tomorrow", "hidden_size": 8 }');
    write('package.json', '{ "type": "module" }');
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('depends on the runtime alone, in the version of the repository', () => {
    const read = (path: string) =>
      JSON.parse(readFileSync(path, 'utf8')) as { version: string; dependencies: Readonly<Record<string, string>> };
    const own = read(join(repositoryRoot, 'package.json'));
    const packed = read(join(folder, 'node_modules/headscope-lib/package.json'));
    assert.deepEqual(packed.dependencies, { 'onnxruntime-node': own.dependencies['onnxruntime-node'] });
    assert.equal(packed.version, own.version);
  });

  it('gives the logits, attention and taps of the float64 reference, of the model and of the model without a head', async () => {
    write(
      'numbers.mjs',
      `import { openModel } from 'headscope-lib';
const model = await openModel('tiny', { threads: 1, cacheFolder: 'cache' });
const options = {
  logits: 'all', loss: true, statistics: true, taps: ['layer.1.residual', 'layer.0.attention.query'], attention: [{ layer: 1, head: 2 }],
};
const prompt = { kind: 'ids', ids: ${JSON.stringify(ids)} };
const plain = await model.run(prompt, options);
const some = await model.run(prompt, { taps: ['layer.1.residual'], rows: [2, 7], top: 3 });
const without = await model.run(prompt, { ...options, interventions: ['head:0.1=zero', { kind: 'gain', layer: 0, head: 3, gain: 0 }] });
const { ids } = await model.generate(prompt, { maxNewTokens: 1 });
const told = (name, value) => (value?.data ? { shape: value.shape, data: value.toArray() } : value);
console.log(JSON.stringify({ plain, some, without, ids, head: plain.taps['layer.0.attention.query'].part(-1).shape }, told));
`,
    );
    // The script does not close its model, and ends.
    const found = JSON.parse(await node('numbers.mjs')) as Readonly<Record<'plain' | 'some' | 'without', Found>> & {
      readonly ids: readonly number[];
      readonly head: readonly number[];
    };
    const headless: Parameters = {
      ...parameters,
      has: (name) => parameters.has(name),
      vector: (name) => parameters.vector(name),
      // Columns of the output projection that read heads 1 and 3 of layer 0; a head has 8 numbers.
      matrix: (name) =>
        name === 'model.layers.0.self_attn.o_proj.weight'
          ? parameters.matrix(name).map((row) => row.map((x, at) => ([1, 3].includes(Math.floor(at / 8)) ? 0 : x)))
          : parameters.matrix(name),
    };
    for (const [run, of] of [
      [found.plain, parameters],
      [found.without, headless],
    ] as const) {
      const reference = tiny.run(of, ids);
      near(run.logits, [8, 61], reference.logits.flat());
      near(run.taps['layer.1.residual'], [8, 32], reference.taps.get('layer.1.residual'));
      near(run.taps['layer.0.attention.query'], [4, 8, 8], reference.taps.get('layer.0.attention.query'));
      const maps = reference.taps.get('layer.1.attention.probabilities') ?? [];
      near(run.attention[0], [8, 8], maps.slice(2 * 64, 3 * 64));
      const losses = ids.slice(1).map((next, row) => {
        const logits = reference.logits[row] ?? [];
        return Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - (logits[next] ?? NaN);
      });
      assert.ok(Math.abs(run.loss - losses.reduce((a, b) => a + b, 0) / losses.length) < 1e-5, `${run.loss}`);
      // Mean over the queries of the entropy of what each reads, in nats.
      const entropies = maps.slice(2 * 64, 3 * 64).map((p) => (p === 0 ? 0 : -p * Math.log(p)));
      assert.equal(run.statistics['entropy']?.[0]?.length, 4);
      const entropy = run.statistics['entropy']?.[1]?.[2] ?? NaN;
      assert.ok(Math.abs(entropy - entropies.reduce((a, b) => a + b, 0) / 8) < 1e-5, `${entropy}`);
    }
    const residual = tiny.run(parameters, ids).taps.get('layer.1.residual') ?? [];
    near(found.some.taps['layer.1.residual'], [2, 32], [...residual.slice(64, 96), ...residual.slice(224)]);
    const last = tiny.run(parameters, ids).logits.at(-1) ?? [];
    const best = last.indexOf(Math.max(...last));
    assert.deepEqual([found.some.top.length, found.some.top[0]?.id, found.ids], [3, best, [best]]);
    assert.equal(found.some.logits?.shape.length, 1);
    assert.deepEqual(found.head, [8, 8]);
  });

  it('runs the ten lines of its page, and an analysis', async () => {
    const page = readFileSync(join(repositoryRoot, 'docs/scripts.md'), 'utf8');
    const [, lines = ''] = /^```js\n(.*?)^```$/ms.exec(page) ?? [];
    assert.ok(lines.split('\n').filter((line) => line !== '').length <= 10, 'it is longer than ten lines');
    const asked = "console.log((await model.analyse('heads', { prompt })).finding);\nmodel.close();";
    write('ten-lines.mjs', lines.replace("'models/gpt2'", JSON.stringify(demo)).replace('model.close();', asked));
    const said = await node('ten-lines.mjs');
    assert.match(said, /id: \d+,\s+text: '.*',\s+probability: 0\.\d+/);
    assert.match(said, /of 36 heads have a label/);
    const readme = readFileSync(join(folder, 'node_modules/headscope-lib/README.md'), 'utf8');
    assert.ok(readme.includes(lines), 'the page of the package has other lines');
  });

  it('says in a sentence what is wrong with a call', async () => {
    write(
      'faults.mjs',
      `import { openModel, HeadscopeError } from 'headscope-lib';
const model = await openModel('tiny', { threads: 1, cacheFolder: 'cache' });
const prompt = { kind: 'ids', ids: ${JSON.stringify(ids)} };
const said = [];
for (const call of [${faults.map(([call]) => `() => ${call}`).join(', ')}]) {
  said.push(await call().then(() => 'no error', (error) => error instanceof HeadscopeError ? [error.code, error.message] : String(error)));
}
console.log(JSON.stringify(said));
`,
    );
    const said = JSON.parse(await node('faults.mjs')) as readonly (readonly [string, string])[];
    for (const [at, [call, code, sentence]] of faults.entries()) {
      assert.equal(said[at]?.[0], code, `${call}: ${said[at]?.join(' ')}`);
      assert.match(said[at]?.[1] ?? '', sentence, call);
      assert.match(said[at]?.[1] ?? '', /\.$/, call);
    }
  });

  it('has types that TypeScript checks a script with, in either form of modules', async () => {
    const script = `import { openModel, HeadscopeError, type Run, type Tensor } from 'headscope-lib';
export async function main(): Promise<number> {
  const model = await openModel('tiny', { weights: 'q8' });
  const run: Run = await model.run('a', { taps: ['embedding'], interventions: ['head:0.1=zero', { kind: 'gain', layer: 0, head: 1, gain: 0 }] });
  const tap: Tensor | undefined = run.taps['embedding'];
  const { finding, sections } = await model.analyse('heads', { input: { kind: 'prompt', prompt: { kind: 'text', text: 'a' } } });
  const first = sections[0];
  if (first?.kind === 'heads') return first.numbers[0]?.values[0]?.[0] ?? 0;
  // @ts-expect-error: there is no such setting
  await model.run('a', { tap: [] });
  // @ts-expect-error: a gain is a number
  await model.run('a', { interventions: [{ kind: 'gain', layer: 0, head: 1, gain: 'none' }] });
  // @ts-expect-error: there is no such kind of input
  await model.analyse('heads', { input: { kind: 'poem' } });
  const error = new HeadscopeError('closed', finding);
  return tap?.at(0, 1) ?? (error.code === 'closed' ? run.top[0]?.probability ?? 0 : 1);
}
`;
    write('checked.mts', script);
    write('checked.cts', script);
    const types = join(repositoryRoot, 'node_modules/@types');
    const options = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--noEmit'];
    const as = ['--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--typeRoots', types];
    const compiler = join(repositoryRoot, 'node_modules/typescript-7/bin/tsc');
    await runProcess(process.execPath, [compiler, ...options, ...as, 'checked.mts', 'checked.cts'], folder);
  });
});

interface FoundTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Found {
  readonly logits?: FoundTensor;
  readonly taps: Readonly<Record<string, FoundTensor>>;
  readonly attention: readonly FoundTensor[];
  readonly statistics: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly loss: number;
  readonly top: readonly { readonly id: number }[];
}

function near(found: FoundTensor | undefined, shape: readonly number[], expected: readonly number[] = []): void {
  assert.deepEqual(found?.shape, shape);
  assert.equal(found.data.length, expected.length);
  for (const [at, value] of expected.entries()) {
    const away = Math.abs((found.data[at] ?? NaN) - value);
    assert.ok(away <= 1e-5 * Math.max(1, Math.abs(value)), `${found.data[at]} and ${value} at ${at}`);
  }
}

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { computeClient } from '../../../compute-server/cli/compute-process';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { KernelCheck } from '../../../protocol/compute/own-kernels';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { badInput, cheats, earlierKeys, padded, rightWhereChecked, shortFormKernel } from './support/kernel-texts';
import { rightOnnx, wrongOnnx } from './support/onnx-kernels';
import { workspaceFor } from './support/own-files';
import { environment, headscope, serverScript, smallPlan } from './support/server';

/** Processes of kernel files, of any server. */
const kernelProcesses = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('kernel-process.js');
      } catch {
        return false; // It ended while we looked.
      }
    });

describe('Kernel files of a workspace', function () {
  const workspace = workspaceFor(this);
  let folder: string;
  let client: ComputeClient;
  before(async () => {
    ({ folder, client } = workspace);
    await workspace.write('cap.ts', 'export const cap: number = 5;\n');
  });

  const write = (name: string, source: string): Promise<string> =>
    workspace.write(`${name}.headscope-kernel.ts`, source);
  const check = async (name: string, source: string): Promise<KernelCheck> => {
    const kernel = { id: `own:${name}`, file: await write(name, source), root: folder };
    return client.call('checkKernel', [{ kernel, parameters: {} }]);
  };

  it('the short form keeps all laws in all patterns, and equals the same written by hand', async () => {
    const { ok, laws, title } = await check('soft', shortFormKernel);
    assert.deepEqual(
      laws.filter((law) => !law.ok),
      [],
    );
    assert.ok(ok);
    assert.equal(title, 'Soft-capped window');
    assert.deepEqual(
      [...new Set(laws.map(({ pattern }) => pattern))],
      ['noncausal-self', 'causal-self', 'noncausal-cross', 'causal-cross'],
    );
    // Two keys and one query, causal: scores 2 / sqrt(1) and 0 by hand, softly capped at 5, less 2^-head times the distance.
    const byHand = `import { shortForm, tensor } from 'headscope';
import own from './soft.headscope-kernel';
const one = (...numbers: number[]) => tensor([1, 1, numbers.length, 1], Float64Array.from(numbers));
const shape = { pattern: 'causal-self' as const, batch: 1, heads: 1, kvHeads: 1, queries: 1, keys: 2, headDim: 1, valueDim: 1 };
const found = own.reference({ query: one(2), key: one(1, 0), value: one(10, 20), weights: {} }, shape, { window: 9 }).data[0]!;
const [far, near] = [Math.exp(5 * Math.tanh(0.4) - 1), Math.exp(0)];
const expected = (10 * far + 20 * near) / (far + near);
if (Math.abs(found - expected) > 1e-12) throw new Error('found ' + found + ', expected ' + expected);
// A score of positions alone: it takes the shape of the scores.
export default shortForm({ title: 'By hand', scoreMod: (score, { query, key }, m) => m.subtract(key, query) });
`;
    const hand = await check('by-hand', byHand);
    assert.deepEqual(
      hand.laws.filter((law) => !law.ok),
      [],
    );
  });

  for (const [name, { source, said, line = 1 }] of [...Object.entries(cheats), ...Object.entries(badInput)]) {
    it(`${name}: a sentence with file and line`, async () => {
      const { ok, laws, file } = await check(name.replaceAll(' ', '-'), source);
      assert.equal(ok, false);
      const wrong = laws.find((law) => !law.ok);
      assert.match(wrong?.sentence ?? '', said);
      assert.deepEqual({ file: wrong?.place?.file, line: wrong?.place?.line }, { file, line });
    });
  }

  it('a query that reads no key is a fault, and the shapes that no law was tried on are named with the reason', async () => {
    const { ok, laws, refused, file } = await check('earlier', earlierKeys);
    assert.equal(ok, false);
    assert.deepEqual(
      laws.filter((law) => !law.ok).map(({ law, place }) => [law, place?.file, place?.line]),
      [['Each query reads one key at least', file, 4]],
    );
    // With 26 keys before the first query it reads one: those two shapes alone are tried.
    assert.deepEqual(
      [...new Set(laws.filter((law) => law.ok).map(({ pattern, queries }) => `${pattern} ${queries}`))],
      ['noncausal-self 19', 'causal-self 19'],
    );
    const why = 'Query 0 of head 0 reads no key. Let maskMod leave each query one key.';
    assert.deepEqual(
      refused.map(({ pattern, queries, why: said }) => [pattern, queries, said]),
      [
        ...['noncausal-self', 'causal-self'].flatMap((each) => [32, 37].map((queries) => [each, queries, why])),
        ...['noncausal-cross', 'causal-cross'].flatMap((each) => [32, 37, 19].map((queries) => [each, queries, why])),
      ],
    );
  });

  const writeOnnx = async (
    name: string,
    { description, model }: (typeof rightOnnx)[string],
  ): Promise<{ readonly id: string; readonly file: string; readonly root: string }> => {
    const place = path.join(folder, 'onnx', name.replaceAll(' ', '-'));
    await mkdir(place, { recursive: true });
    await writeFile(path.join(place, 'graph.onnx'), model);
    const file = path.join(place, 'exported.headscope-kernel.json');
    await writeFile(file, JSON.stringify(description, undefined, 2));
    return { id: 'own:exported', file, root: folder };
  };

  for (const [name, described] of Object.entries(rightOnnx)) {
    it(`an ONNX file with ${name} is proved against the mechanism that its description names`, async () => {
      const { ok, laws, title, sha256 } = await client.call('checkKernel', [
        { kernel: await writeOnnx(name, described), parameters: {} },
      ]);
      assert.deepEqual(
        laws.filter((law) => !law.ok),
        [],
      );
      assert.deepEqual([ok, title], [true, 'exported']);
      assert.match(sha256 ?? '', /^[0-9a-f]{64}$/);
      assert.deepEqual([...new Set(laws.map(({ pattern }) => pattern))], described.description['patterns']);
      assert.ok(laws.some(({ law }) => law.startsWith('The graph gives what the float64 reference gives')));
      if (described.description['patterns']?.toString().includes('causal-self')) {
        assert.ok(laws.some(({ law }) => law === 'Keys that the pattern leaves out change nothing'));
      }
    });
  }

  for (const [name, { said, ...described }] of Object.entries(wrongOnnx)) {
    it(`an ONNX file with ${name}: a sentence with the file`, async () => {
      const kernel = await writeOnnx(name, described);
      const { ok, laws } = await client.call('checkKernel', [{ kernel, parameters: {} }]);
      assert.equal(ok, false);
      const wrong = laws.find((law) => !law.ok);
      assert.match(wrong?.sentence ?? '', said);
      assert.equal(wrong?.place?.file, kernel.file);
    });
  }

  it('an ONNX file that is too large, or that a link leads out of the workspace to, is not read', async () => {
    const { plain } = rightOnnx;
    const kernel = await writeOnnx('large', plain!);
    const onnx = path.join(path.dirname(kernel.file), 'graph.onnx');
    const said = async (): Promise<string> =>
      (await client.call('checkKernel', [{ kernel, parameters: {} }])).laws[0]?.sentence ?? '';
    await truncate(onnx, 100_000_001);
    assert.match(await said(), /graph\.onnx is larger than 100 MB/);
    await rm(onnx);
    // In a folder of its own: kernel files beside weights are not run.
    await mkdir(path.join(folder, 'elsewhere'));
    await writeFile(path.join(folder, 'elsewhere', 'graph.onnx'), plain!.model);
    await symlink(path.join(folder, 'elsewhere', 'graph.onnx'), onnx);
    assert.match(await said(), /graph\.onnx leads out of/);
  });

  it('the command times an ONNX file beside the baseline, and says which shape it takes', async () => {
    const { file } = await writeOnnx('timed', rightOnnx['a window by a mask of true and false']!);
    const words = [
      '--threads',
      '1',
      '--seconds',
      '0.3',
      '--no-memory',
      '--no-caches',
      '--lengths',
      '96',
      '--heads',
      '2',
    ];
    const json = path.join(folder, 'onnx.json');
    const { code, stdout, stderr } = await headscope(['kernel', file, ...words, '--head-dim', '16', '--json', json]);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /not tried {2}in noncausal-cross: Its description does not name the pattern noncausal-cross\./,
    );
    const { benchmark } = JSON.parse(await readFile(json, 'utf8')) as { benchmark: BenchmarkResult };
    assert.deepEqual(benchmark.rows.map(({ mechanism, ok }) => [mechanism, ok]).sort(), [
      ['fused', true],
      ['own:exported', true],
    ]);
    assert.equal(benchmark.kernelFiles?.[0]?.title, 'exported');
    // Its description does not name the usual pattern, causal-self.
    const { file: open } = await writeOnnx('open', rightOnnx['plain']!);
    const other = await headscope(['kernel', open, ...words, '--head-dim', '32', '--json', json]);
    assert.match(other.stdout, /Timed in noncausal-self: the file does not take causal-self\./);
    const { benchmark: refused } = JSON.parse(await readFile(json, 'utf8')) as { benchmark: BenchmarkResult };
    assert.match(
      refused.rows.find(({ mechanism }) => mechanism === 'own:exported')?.reason ?? other.stderr,
      /has 16 along its axis 3 \(width of a head\), and the shape 32/,
    );
    assert.equal(refused.plan.shape.pattern, 'noncausal-self');
    const asked = await headscope(['kernel', open, ...words, '--head-dim', '16', '--pattern', 'causal-self']);
    assert.equal(asked.code, 2, asked.stderr);
    assert.match(
      asked.stderr,
      /not timed in causal-self: Its description does not name .* Choose --pattern noncausal-self/,
    );
  });

  it('a loop without end is ended with the compute server that asked, long before its own limit', async () => {
    const alone = computeClient(serverScript, environment({ HEADSCOPE_KERNEL_SECONDS: '3600' }));
    const file = await write('endless', 'for (;;);\nexport default {};\n');
    const before = new Set(kernelProcesses());
    const check = alone.call('checkKernel', [{ kernel: { id: 'own:endless', file, root: folder }, parameters: {} }]);
    const ended = assert.rejects(check);
    let running: readonly number[] = [];
    while (running.length === 0) {
      await setTimeout(50);
      running = kernelProcesses().filter((pid) => !before.has(pid));
    }
    alone.dispose();
    await ended;
    while (kernelProcesses().some((pid) => running.includes(pid))) await setTimeout(50);
  });

  it('nothing of a file runs while its graph is timed', async () => {
    const mechanism = 'own:timed';
    const kernels = [{ id: mechanism, file: await write('timed', shortFormKernel), root: folder }];
    const before = new Set(kernelProcesses());
    const running: (readonly number[])[] = [];
    let proving = 0;
    const { rows } = await client.call('benchmark', [smallPlan({ mechanisms: [mechanism], kernels })], {
      onProgress: (step) => {
        const own = kernelProcesses().filter((pid) => !before.has(pid));
        if ('row' in step && step.row.medianMs !== undefined) running.push(own);
        else proving = Math.max(proving, own.length);
      },
    });
    assert.deepEqual(
      rows.map(({ ok }) => ok),
      [true, true],
    );
    assert.ok(running.length > 0 && proving > 0, `${running.length} times, ${proving} processes`);
    assert.deepEqual(running.flat(), []);
  });

  it('a file beside weights is not run', async () => {
    await mkdir(path.join(folder, 'model'));
    await writeFile(path.join(folder, 'model', 'model.safetensors'), '');
    const { ok, laws } = await check('model/soft', "export default (() => { throw new Error('ran'); })();\n");
    assert.equal(ok, false);
    assert.match(laws[0]?.sentence ?? '', /not run: its folder holds weights \(model\.safetensors\)/);
  });

  it('the command proves and times: right rows beside a baseline, a row that is wrong where no law looked, one above the roof', async () => {
    const words = '--heads 2 --threads 1 --seconds 0.3 --no-memory --no-caches --head-dim 16 --lengths 96'.split(' ');
    const outcomes: { code: number | null; benchmark: BenchmarkResult; stderr: string }[] = [];
    for (const [name, source] of Object.entries({ soft: shortFormKernel, rightWhereChecked, padded })) {
      const json = path.join(folder, `${name}.json`);
      const { code, stderr } = await headscope(['kernel', await write(name, source), ...words, '--json', json]);
      const { benchmark } = JSON.parse(await readFile(json, 'utf8')) as { benchmark: BenchmarkResult };
      outcomes.push({ code, benchmark, stderr });
    }
    const [right, wrong, impossible] = outcomes.map(({ code, benchmark, stderr }) => {
      const row = benchmark.rows.find(({ mechanism }) => mechanism.startsWith('own:'))!;
      return { code, stderr, ok: row.ok, refusal: row.refusal, reason: row.reason ?? '', benchmark };
    });
    assert.equal(right!.code, 0, right!.stderr);
    assert.ok(right!.ok);
    assert.equal(typeof right!.benchmark.inputSeed, 'number');
    assert.match(right!.benchmark.kernelFiles?.[0]?.sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.ok(right!.benchmark.rows.some(({ mechanism, ok }) => mechanism === 'fused' && ok));
    assert.deepEqual([wrong!.code, wrong!.refusal], [1, 'wrong']);
    assert.match(wrong!.reason, /differs from the float64 reference/);
    assert.deepEqual([impossible!.code, impossible!.refusal], [1, 'impossible']);
    assert.match(impossible!.reason, /above the \d+ GFLOP\/s that this device reaches/);
  });
});

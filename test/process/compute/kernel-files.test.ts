import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ComputeClient } from '../../../protocol/compute/client';
import { computeClient } from '../../../compute-server/cli/compute-process';
import type { KernelCheck } from '../../../protocol/compute/own-kernels';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { bundleKernelProcess } from './support/bundle';
import { badInput, cheats, padded, rightWhereChecked, shortFormKernel } from './support/kernel-texts';
import { buildServer, environment, headscope, serverScript } from './support/server';

describe('Kernel files of a workspace', function () {
  this.timeout(240_000);
  let folder: string;
  let client: ComputeClient;
  before(async () => {
    await buildServer();
    await bundleKernelProcess('test-compute');
    folder = await mkdtemp(path.join(tmpdir(), 'headscope-kernels-'));
    await writeFile(path.join(folder, 'cap.ts'), 'export const cap: number = 5;\n');
    client = computeClient(serverScript, environment({ HEADSCOPE_KERNEL_SECONDS: '3' }));
  });
  after(async () => {
    client.dispose();
    await rm(folder, { recursive: true });
  });

  const write = async (name: string, source: string): Promise<string> => {
    const file = path.join(folder, `${name}.headscope-kernel.ts`);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, source);
    return file;
  };
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
export default shortForm({ title: 'By hand' });
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

/** A device is tried once in a process, whoever asks; and what is known of its memory. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceMemory, type MachineFacts } from '../../../compute-server/devices/device-memory';
import { forgetProofs, probe, requireDevice } from '../../../compute-server/devices/devices';
import { readSurroundings } from '../../../compute-server/surroundings';
import { setupPage } from '../../../extension/results/setup-words';
import type { SetupReport } from '../../../protocol/compute/setup';
import { readDeviceMemory } from '../../../protocol/inputs/device-memory';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { surroundingsOf } from '../../support/model-jobs';

/** Answers a self-test as an isolated process does, and notes which operators were asked for; MatMul as `works` says. */
const answering = (works: boolean, log: string): string => `
  const { appendFileSync } = require('node:fs');
  process.once('message', ({ operators }) => {
    appendFileSync(${JSON.stringify(log)}, JSON.stringify(operators) + '\\n');
    const results = operators.map((name) => [name, ${works} ? { ok: true, maxError: 1e-6 } : { ok: false, reason: 'No.' }]);
    process.send({ ok: { maxError: 1e-6, operators: Object.fromEntries(results) } }, () => process.exit(0));
  });`;

describe('the trial of a device', function () {
  this.timeout(30_000);
  const { signal } = new AbortController();
  let folder: string;
  let log: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-proofs-'));
    log = join(folder, 'asked');
    writeFileSync(log, '');
    forgetProofs();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    forgetProofs();
  });
  const server = (works: boolean) => {
    const entry = join(folder, `${works ? 'works' : 'fails'}.js`);
    writeFileSync(entry, answering(works, log));
    return surroundingsOf({ entry });
  };
  const asked = (): readonly (readonly string[])[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as readonly string[]);

  it('is done once for each operator: models, kernels and the list of devices share it', async () => {
    const surroundings = server(true);
    const few = ['MatMul', 'Softmax', 'Add'];
    await requireDevice('webgpu', 1, surroundings, signal, few);
    await requireDevice('webgpu', 1, surroundings, signal, few);
    const view = await probe('webgpu', surroundings, signal);
    const { selfTest } = await requireDevice('webgpu', 1, surroundings, signal);
    const [first, rest, ...more] = asked();
    assert.deepEqual([first, more], [few, []]);
    assert.ok(rest && rest.length > 10 && !rest.some((name) => few.includes(name)));
    assert.equal(Object.keys(view.selfTest?.operators ?? {}).length, few.length + rest.length);
    assert.deepEqual(selfTest, view.selfTest);
    forgetProofs();
    await probe('webgpu', surroundings, signal, few);
    assert.equal(asked().length, 3, 'asked anew where the person wants it');
  });

  it('is done again where the device did not work', async () => {
    const { available, reason } = await probe('webgpu', server(false), signal);
    assert.ok(!available && /No\./.test(reason ?? ''));
    assert.ok((await probe('webgpu', server(true), signal)).available);
    assert.equal(asked().length, 2);
  });

  it('of an unknown id and of a device of another system is a sentence that starts nothing', async () => {
    const sentence = async (id: string): Promise<string> => {
      const error: unknown = await requireDevice(id, 1, server(true), signal).catch((reason: unknown) => reason);
      assert.ok(error instanceof FailureError);
      return sentenceOf(error.failure);
    };
    assert.match(
      await sentence('gpu0'),
      /^The device "gpu0" cannot be used: it is none of cpu, webgpu, .*headscope devices/,
    );
    const elsewhere = process.platform === 'darwin' ? 'dml' : 'coreml';
    assert.match(
      await sentence(elsewhere),
      new RegExp(`"${elsewhere}" cannot be used: .* does not exist on ${process.platform}`),
    );
    assert.deepEqual(asked(), []);
  });
});

describe('the memory of a device', () => {
  const machine = (changes: Partial<MachineFacts> = {}): MachineFacts => ({
    platform: 'linux',
    arch: 'x64',
    memoryBytes: 16e9,
    nvidia: () => Promise.resolve(undefined),
    ...changes,
  });
  const smi = (text: string) => machine({ nvidia: () => Promise.resolve(text) });

  it('is what the person says, of any device but the cpu', async () => {
    const eight = { each: 8e9, of: {} };
    assert.equal(await deviceMemory('webgpu', eight, machine()), 8e9);
    assert.equal(await deviceMemory('cuda', eight, smi('24576')), 8e9);
    assert.equal(await deviceMemory('cpu', eight, machine()), undefined);
  });

  it('may be said for each device; of one that is left out it is what can be found out', async () => {
    const read = readDeviceMemory('webgpu=6GB, cpu=20GiB');
    assert.ok(read.ok);
    assert.equal(await deviceMemory('webgpu', read.memory, machine()), 6e9);
    assert.equal(await deviceMemory('cuda', read.memory, smi('1000\n')), 943_718_400);
    assert.equal(await deviceMemory('dml', read.memory, machine()), undefined);
    // That of the CPU is the memory limit, where none is set.
    const limitOf = (environment: NodeJS.ProcessEnv) => readSurroundings('', environment, () => undefined).memoryLimit;
    const HEADSCOPE_DEVICE_MEMORY = 'webgpu=6GB,cpu=20GiB';
    assert.equal(limitOf({ HEADSCOPE_DEVICE_MEMORY }), 20 * 2 ** 30);
    assert.equal(limitOf({ HEADSCOPE_DEVICE_MEMORY, HEADSCOPE_MEMORY_LIMIT: '5' }), 5);
    assert.equal(limitOf({ HEADSCOPE_DEVICE_MEMORY: '8GB' }), limitOf({}));
  });

  for (const [text, why] of [
    ['eight', /^"eight" is no size\. Write for example 8GB, or webgpu=6GB,cpu=20GB\.$/],
    ['webgpu=6GB,20GB', /^"20GB" does not say which device has it\./],
    ['webgpu=', /^"webgpu=" is no size\./],
    ['cuda=6GB,cuda=8GB', /^The memory of cuda is given twice\. Give it once\.$/],
  ] as const) {
    it(`${text} is refused in a sentence; from a setting it is left out, which the log says`, () => {
      const read = readDeviceMemory(text);
      assert.match(read.ok ? 'it is read' : read.why, why);
      const said: string[] = [];
      const { deviceMemory: known } = readSurroundings('', { HEADSCOPE_DEVICE_MEMORY: text }, (_, words) =>
        said.push(words),
      );
      assert.equal(known, undefined);
      assert.match(said.join(), /^The memory of devices \(headscope\.compute\.deviceMemory.*is left out: "?/);
    });
  }

  it('is nine tenths of the first card that nvidia-smi lists, in MiB; of no other kind of device', async () => {
    assert.equal(await deviceMemory('cuda', undefined, smi('1000\n24576\n')), 943_718_400);
    assert.equal(await deviceMemory('webgpu', undefined, smi('1000\n')), undefined);
  });

  it('is not known without nvidia-smi, or where it prints no number', async () => {
    assert.equal(await deviceMemory('cuda', undefined, machine()), undefined);
    assert.equal(await deviceMemory('cuda', undefined, smi('')), undefined);
    assert.equal(await deviceMemory('cuda', undefined, smi('[N/A]\n')), undefined);
  });

  it('is that of the machine on Apple silicon, which shares it', async () => {
    assert.equal(await deviceMemory('coreml', undefined, machine({ platform: 'darwin', arch: 'arm64' })), 14.4e9);
    assert.equal(await deviceMemory('dml', undefined, machine({ platform: 'win32' })), undefined);
  });
});

describe('what a device needs here', () => {
  const report = (changes: Partial<SetupReport> = {}): SetupReport => ({
    found: { id: 'cuda', provider: 'cuda', name: 'NVIDIA GPU (CUDA)', available: false, reason: 'No driver.' },
    needs: 'It needs a driver.',
    parts: [
      { title: 'Driver', libraries: ['a.so', 'b.so'], missing: ['b.so'], next: 'Install the driver.' },
      { title: 'CUDA 12', libraries: ['c.so'], missing: [], next: 'Install CUDA 12.' },
    ],
    runtime: '/runtime',
    ...changes,
  });

  it('is a page with what was found, what is missing and the next step for that alone', () => {
    const page = setupPage(report());
    assert.match(
      page,
      /^# Set up NVIDIA GPU \(CUDA\)\n\nThe device "cuda" does not work here: No driver\.\n\nIt needs a driver\./,
    );
    assert.match(page, /\| Driver \| missing \| `b\.so` \|\n\| CUDA 12 \| found \| `c\.so` \|/);
    assert.ok(page.includes('- Driver: Install the driver.') && !page.includes('Install CUDA 12.'));
    assert.match(page, /onnxruntime is loaded from `\/runtime`\. Headscope fetches nothing\./);
  });

  it('where there is nothing to look for, is the sentence and no table', () => {
    const works = report({ parts: [], found: { ...report().found, id: 'dml', available: true } });
    assert.ok(!setupPage(works).includes('|'));
    assert.match(setupPage(works), /The device "dml" works here\./);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import type { DeviceInfo, MechanismInfo } from '../../../protocol/compute/api';
import type { ModuleInfo } from '../../../protocol/compute/modules';
import { templateColumns } from '../../../protocol/compute/template';
import type { SetupReport } from '../../../protocol/compute/setup';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import type { Provenance } from '../../../protocol/schema/parts';
import { patience } from '../../support/patience';
import { buildServer, headscope } from './support/server';

const small = '--heads 2 --head-dim 32 --threads 1 --seconds 0.3 --no-memory'.split(' ');

function assertProvenance(result: Provenance): void {
  assert.equal(result.headscope, '0.0.0-test');
  assert.ok(Date.now() - Date.parse(result.created) < 600_000);
  assert.ok(result.device.name && result.device.runtime && result.device.platform);
  assert.equal(typeof result.settings, 'object');
  assert.equal(typeof result.seed, 'number');
}

describe('the headscope command', function () {
  this.timeout(120_000);
  let folder: string;
  before(async () => {
    await buildServer();
    folder = await mkdtemp(path.join(tmpdir(), 'headscope-cli-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('modules: lists them; module: proves one on a sample, and refuses what it does not take', async () => {
    const { code, stdout } = await headscope(['modules', '--json', '-']);
    assert.equal(code, 0);
    const listed = JSON.parse(stdout) as Provenance & { modules: ModuleInfo[] };
    assertProvenance(listed);
    const found = listed.modules.find(({ id }) => id === 'shsa');
    assert.ok(found?.weights.some(({ name }) => name === 'qkv.c.weight'));

    const small = '--param height=4 --param width=4 --param channels=8 --param partial=4 --threads 1'.split(' ');
    const ran = await headscope(['module', 'shsa', ...small, '--seconds', '0.2', '--json', '-']);
    assert.equal(ran.code, 0, ran.stderr);
    const result = JSON.parse(ran.stdout) as ModuleResult;
    assertProvenance(result);
    assert.ok(result.timing && result.proofs.every(({ ok }) => ok));

    const wrong = await headscope(['module', 'shsa', '--text', 'a cat']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /cannot be written/);
  });

  it('mechanisms: lists the catalogue with patterns that are true or a reason', async () => {
    const { code, stdout, stderr } = await headscope(['mechanisms', '--json', '-']);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '', 'progress is silent without a terminal');
    const result = JSON.parse(stdout) as Provenance & { mechanisms: MechanismInfo[] };
    assertProvenance(result);
    for (const mechanism of result.mechanisms) {
      assert.ok(mechanism.id && mechanism.title && mechanism.family && mechanism.source.reference);
      assert.deepEqual(Object.keys(mechanism.patterns).sort(), [
        'causal-cross',
        'causal-self',
        'noncausal-cross',
        'noncausal-self',
      ]);
      for (const support of Object.values(mechanism.patterns)) {
        assert.ok(support === true || support.length > 10);
      }
    }
  });

  it('mechanisms --system: a head as a linear system, or those that can be one', async () => {
    const id = 'lightning-attention-2';
    const given = [`${id}.decay=given`, `${id}.slope=0.5`].flatMap((one) => ['--param', one]);
    const { code, stdout, stderr } = await headscope(['mechanisms', '--system', id, ...given, '--length', '4']);
    assert.equal(code, 0, stderr);
    // exp(-1/2) of the state stays.
    assert.match(stdout, /^1 +0\.607\n2 +0\.607\n3 +0\.607$/m);
    assert.match(stdout, /^16 +256 +8$/m);
    const refused = await headscope(['mechanisms', '--system', 'fused']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /A head of fused is no linear system with these parameters\. Those that can be one: /);
  });

  it('mechanisms --template: each in the terms that all share, as one table and as JSON', async () => {
    const { code, stdout, stderr } = await headscope(['mechanisms', '--template']);
    assert.equal(code, 0, stderr);
    const [head = '', ...rows] = stdout.trim().split('\n');
    assert.deepEqual(head.split(/ {2,}/), ['id', ...templateColumns.map(({ title }) => title.toLowerCase())]);
    const lightning = rows.find((row) => row.startsWith('lightning-attention-2'));
    const state = head.indexOf('  state') + 2;
    assert.match(lightning!.slice(state), /^one d x e matrix {2}/);
    const json = JSON.parse((await headscope(['mechanisms', '--template', '--json', '-'])).stdout) as {
      mechanisms: MechanismInfo[];
    };
    assert.deepEqual(
      rows.map((row) => row.split(' ')[0]),
      json.mechanisms.map(({ id }) => id),
    );
    for (const { template } of json.mechanisms) {
      for (const { of } of templateColumns) assert.ok(of(template).length > 0);
    }
  });

  it('devices: proves each device by numbers', async () => {
    const { code, stdout, stderr } = await headscope(['devices', '--no-roof', '--json', '-']);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout) as Provenance & { devices: DeviceInfo[] };
    assertProvenance(result);
    const cpu = result.devices.find((device) => device.id === 'cpu');
    assert.ok(cpu?.available && cpu.selfTest);
    for (const operator of ['MatMul', 'Softmax', 'MultiHeadAttention', 'GroupQueryAttention']) {
      const test = cpu.selfTest.operators[operator];
      assert.ok(test?.ok && test.maxError! < 1e-4, `${operator}: ${JSON.stringify(test)}`);
    }
    assert.deepEqual(
      Object.entries(cpu.selfTest.operators).filter(
        // On the CPU it rounds what it multiplies to 8 bits.
        ([name, { ok, maxError }]) => !ok || !(maxError! < (name === 'MatMulNBits' ? 2e-2 : 1e-4)),
      ),
      [],
    );
    for (const device of result.devices.filter((each) => !each.available)) {
      assert.match(device.reason ?? '', /[a-z].*\.$/, `${device.id} says why, as a sentence`);
    }
  });

  it('setup: what each device needs, one sentence a device, and what of it is missing; nothing is fetched', async () => {
    for (const [device, needs] of [
      ['cuda', /CUDA is for NVIDIA cards on Linux x64 and Windows x64/],
      ['dml', /DirectML is for Windows 10/],
      ['coreml', /Core ML is for macOS/],
    ] as const) {
      const { code, stdout, stderr } = await headscope(['setup', device, '--json', '-']);
      const report = JSON.parse(stdout) as Provenance & SetupReport;
      assert.equal(code, report.found.available ? 0 : 1, stderr);
      assertProvenance(report);
      assert.match(report.needs, needs);
      assert.equal(report.found.id, device);
      const here = device === 'cuda' && process.platform !== 'darwin';
      assert.deepEqual(
        report.parts.map(({ title }) => title),
        here ? ['Driver', 'CUDA 12', 'cuDNN 9', 'Provider library'] : [],
      );
    }
  });

  it('cab: measures four patterns and ranks the scores of a file', async () => {
    const [file, scores] = [path.join(folder, 'cab.json'), path.join(folder, 'scores.json')];
    const metrics = [{ name: 'accuracy', better: 'higher', scores: { 'scaled-dot-product': 0.5, fused: 0.9 } }];
    await writeFile(scores, JSON.stringify({ tasks: [{ task: 'copy', pattern: 'causal-self', metrics }] }));
    const words = [
      'cab',
      '--mechanisms',
      'lightning-attention-2,fused',
      '--lengths',
      '32,64,128,256',
      '--scores',
      scores,
    ];
    const { code, stdout, stderr } = await headscope([...words, '--json', file, ...small]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Efficiency length against scaled-dot-product/);
    assert.match(stdout, /fused +1\.000 \(\+2\.000\)/);
    const result = JSON.parse(await readFile(file, 'utf8')) as BenchmarkResult;
    assertProvenance(result);
    assert.equal(result.kind, 'headscope-bench');
    assert.equal(result.furtherPatterns?.length, 3);
    assert.equal(result.cab?.efficiency.length, 8);
    for (const { mechanism, pattern, supported, time, memoryByModel } of result.cab.efficiency) {
      const name = `${mechanism} ${pattern}`;
      if (supported !== true) assert.match(supported, /\.$/, name);
      else assert.ok(time && memoryByModel && time.r2Baseline <= 1, name);
    }
    const given = [
      'cab',
      '--published-sizes',
      '--mechanisms',
      'sliding-window',
      '--param',
      'lightning-attention-2.block=16',
    ];
    const sized = [...given, '--patterns', 'causal-self', '--lengths', '32,64,128,256', '--json', file, ...small];
    assert.equal((await headscope(sized)).code, 0);
    const published = JSON.parse(await readFile(file, 'utf8')) as BenchmarkResult;
    assert.deepEqual(published.plan.parameters, {
      'sliding-window': { window: 16 },
      'lightning-attention-2': { block: 16 },
    });
    assert.equal(published.plan.shape.batch, 4);
    const unknown = await headscope(['cab', '--param', 'sliding-window.depth=3']);
    assert.equal(unknown.code, 2);
    const wrong = await headscope(['cab', '--lengths', '32,64,128']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /four or more/);
    await writeFile(scores, '{"tasks": [{"task": "copy"}]}');
    const bad = await headscope(words);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /the pattern of "copy" is none of/);
  });

  it('bench: predicts times from a calibration where there is time for one', async () => {
    const words = ['--mechanisms', 'scaled-dot-product', '--baseline', 'fused', '--lengths', '256', '--seconds', '3'];
    const { code, stdout, stderr } = await headscope([
      'bench',
      ...words,
      '--json',
      '-',
      '--threads',
      '1',
      '--no-memory',
    ]);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout) as BenchmarkResult;
    assert.ok(result.calibration && result.calibration.products.small > 0 && result.calibration.callMicroseconds > 0);
    for (const { small: inCache, large } of Object.values(result.calibration.passes))
      assert.ok(inCache > 0 && large > 0);
    for (const row of result.rows) assert.ok(row.predictedMs! > 0 && row.trimmedMs! > 0, row.mechanism);
  });

  it('bench: writes every field of the contract and prints a table', async () => {
    const file = path.join(folder, 'bench.json');
    const { code, stdout, stderr } = await headscope([
      'bench',
      ...['--mechanisms', 'scaled-dot-product,sliding-window', '--baseline', 'fused', '--pattern', 'causal-self'],
      ...['--lengths', '128,64', '--param', 'sliding-window.window=16', '--seed', '3', '--json', file],
      ...small.filter((word) => word !== '--no-memory'),
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /length +mechanism +median ms/);
    assert.match(stdout, /sliding-window/);
    const result = JSON.parse(await readFile(file, 'utf8')) as BenchmarkResult;
    assertProvenance(result);
    assert.equal(result.seed, 3);
    assert.equal(result.rows.length, 6);
    for (const row of result.rows) {
      for (const field of ['medianMs', 'relativeSd', 'samples', 'peakBytes', 'gflops', 'bandwidthGBs'] as const) {
        assert.ok(typeof row[field] === 'number' && Number.isFinite(row[field]), `${row.mechanism}.${field}`);
      }
      assert.ok(row.maxError! <= row.tolerance!);
      if (row.mechanism !== 'fused')
        assert.deepEqual(Object.keys(row.ratioToBaseline!).sort(), ['high', 'low', 'median', 'p']);
    }
    for (const fit of result.fits) assert.ok(Number.isFinite(fit.exponent) && Number.isFinite(fit.r2));
    for (const crossover of result.crossover) {
      assert.ok(crossover.efficiencyLength === null || crossover.efficiencyLength >= 64);
    }
    assert.ok(result.roof.peakGflops > 0 && result.roof.peakBandwidthGBs > 0);

    const resumed = await headscope([
      'bench',
      ...['--mechanisms', 'scaled-dot-product,sliding-window', '--lengths', '32,64,128', '--seed', '3'],
      ...['--param', 'sliding-window.window=16', '--resume', file, '--json', '-'],
      ...small,
    ]);
    assert.equal(resumed.code, 0, resumed.stderr);
    const whole = JSON.parse(resumed.stdout) as BenchmarkResult;
    assert.equal(whole.rows.length, 9);
    assert.deepEqual(whole.rows.slice(3), result.rows, 'rows of the earlier run stay as they were');

    const other = await headscope(['bench', '--resume', file, '--seed', '4', ...small]);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /was measured with another .*Give the same options/);
  });

  it('bench: ends with 1 when a kernel is wrong, and shows its error', async () => {
    const { code, stdout } = await headscope(['bench', '--mechanisms', 'wrong', '--lengths', '64', ...small]);
    assert.equal(code, 1);
    assert.match(stdout, /wrong.*differs from the float64 reference by 0\.0100/);
  });

  it('bench: ends with 1 when a time is above the roof, and with 3 when nothing asked for has a time', async () => {
    const impossible = await headscope(['bench', '--mechanisms', 'impossible', '--lengths', '64', ...small]);
    assert.equal(impossible.code, 1, impossible.stderr);
    const words = '--mechanisms sliding-window --pattern causal-cross --lengths 64'.split(' ');
    const unsupported = await headscope(['bench', ...words, ...small]);
    assert.equal(unsupported.code, 3, unsupported.stderr);
    assert.match(unsupported.stdout, /64 +fused +[\d.]+/);
  });

  const processors = availableParallelism();
  const processorsWords = new RegExp(`whole number from 0 to ${processors}, as many as this machine has processors`);
  const wrongUses: readonly (readonly [string, string, RegExp])[] = [
    ['an unknown command', 'measure', /unknown command 'measure'/],
    ['an unknown option', 'bench --speed 3', /unknown option '--speed'/],
    ['an unknown mechanism', 'bench --mechanisms psychic', /no mechanism "psychic".*Choose among/],
    ['an unknown pattern', 'bench --pattern diagonal', /Allowed choices are noncausal-self/],
    ['a length that is no number', 'bench --lengths 12,many', /whole number from 1/],
    ['heads that do not divide', 'bench --heads 6 --kv-heads 4', /do not divide.*--kv-heads/],
    ['an unknown device', 'bench --device tpu', /Allowed choices are cpu, webgpu/],
    ['more threads than processors', `bench --threads ${processors + 1}`, processorsWords],
    ['more threads than processors, of devices', `devices --threads ${processors + 1}`, processorsWords],
    ['more heads than the server takes', 'bench --heads 5000', /whole number from 1 to 4096/],
    ['keys of their own in self-attention', 'bench --keys 100', /as many keys as queries: --keys takes --pattern/],
    ['a parameter without a name', 'bench --param window=3', /MECHANISM\.NAME=VALUE/],
    ['a parameter that is not there', 'bench --param fused.window=3', /no parameter "window"/],
    ['a parameter out of range', 'bench --param sliding-window.window=0', /must be a whole number/],
    ['a file that is no result', 'bench --resume package.json', /not a benchmark result/],
    ['a file that is not there', 'bench --resume nowhere.json', /cannot be read/],
    ['a limit without a unit that exists', 'bench --memory-limit 6parsecs', /such as 6GB/],
  ];
  for (const [name, words, expected] of wrongUses) {
    it(`ends with 2 for ${name}`, async () => {
      const { code, stdout, stderr } = await headscope(words.split(' '));
      assert.equal(code, 2, stderr);
      assert.match(stderr, expected);
      assert.equal(stdout, '');
    });
  }

  it('ends with 3 when the device is not here or memory does not do, with one sentence', async () => {
    const device = process.platform === 'darwin' ? 'dml' : 'coreml';
    for (const [words, expected] of [
      [['--device', device], /^The device ".*" cannot be used: .*"headscope devices" lists/],
      [
        ['--memory-limit', '1MB', '--lengths', '4096'],
        /^This needs .* and the limit is 1\.0 MB\. Choose a length of at most \d+/,
      ],
    ] as const) {
      const { code, stderr } = await headscope(['bench', '--mechanisms', 'scaled-dot-product', ...words, ...small]);
      assert.equal(code, 3, stderr);
      assert.match(stderr, expected);
      assert.equal(stderr.trim().split('\n').length, 1);
    }
  });

  it('ends with 3 and keeps what was measured when the compute process aborts', async () => {
    const file = path.join(folder, 'aborted.json');
    const words = ['bench', '--mechanisms', 'wrong,aborting', '--lengths', '64', '--json', file, ...small];
    const { code, stdout, stderr } = await headscope(words);
    assert.equal(code, 3);
    assert.match(stdout, /^Failed: this table is incomplete/);
    const kept = JSON.parse(await readFile(file, 'utf8')) as BenchmarkResult;
    assert.equal(kept.state, 'failed');
    assert.deepEqual(
      kept.rows.map((row) => row.mechanism),
      ['wrong'],
    );
    assert.match(stderr, /^The compute process ended before it answered: a native library gave up \(SIGABRT\)/);
  });

  it('ends with 130 on an interrupt, prints the table so far and writes it', async () => {
    const file = path.join(folder, 'cancelled.json');
    const { code, stdout, stderr } = await headscope(
      [
        'bench',
        '--mechanisms',
        'scaled-dot-product',
        '--lengths',
        // Times that hardly vary are settled after ten rounds; the warm-up alone of so many lengths takes six seconds.
        Array.from({ length: 32 }, (_, index) => 64 * (index + 1)).join(','),
        '--seconds',
        '60',
        '--json',
        file,
        '--heads',
        '2',
      ],
      // Whatever it is doing by then: the answer is the same at every stage once it has started.
      (interrupt) => setTimeout(interrupt, patience(4000)),
    );
    assert.equal(code, 130, stderr);
    assert.match(stdout, /^Cancelled: this table is incomplete/);
    assert.equal((JSON.parse(await readFile(file, 'utf8')) as BenchmarkResult).state, 'cancelled');
  });

  it('says that the result cannot be written before it does anything', async () => {
    const { code, stdout, stderr } = await headscope(['mechanisms', '--json', path.join(folder, 'no', 'such.json')]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /such\.json \(--json\) was not written\. Its folder does not exist\. Make the folder first\./);
  });

  it('has help for each command', async () => {
    for (const command of ['devices', 'mechanisms', 'bench', 'distributed']) {
      const { code, stdout } = await headscope([command, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, /--json/);
    }
  });
});

/** What a person installs: the packaged extension, unpacked and used without anything of the repository beside it. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, posix } from 'node:path';
import { GraphBuilder } from '../../kernels/graph/builder';
import { matmul } from '../../kernels/graph/operators/matrix';
import { softmax } from '../../kernels/graph/operators/reduce';
import type { FromCompute, MechanismInfo, ToCompute } from '../../protocol/compute/api';
import { launchBrowser, watchOutsideRequests } from '../support/host/browser';
import { startHost } from '../support/host/server';
import { repositoryRoot } from '../support/host/versions';
import { Workbench } from '../support/host/workbench';
import { buildPackages, runProcess } from './unpacked';
import type { Packages, Unpacked } from './unpacked';

/**
 * Most megabytes (10^6 bytes) of the packed file, so that it is a quick download on a slow line: 20.02 with the workbench
 * (2026-11-27), whose charts bring their own copy of the chart library, and 4 for the demo language model.
 */
const budgetMB = 32;

/** Entries of contents.txt for a target. */
function expectedContents(target: string): string[] {
  return readFileSync(join(__dirname, 'contents.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace('{platform}', target.replace('-', '/')));
}

/** vsce renames these three to lower case and adds an extension. */
const named = (file: string): string =>
  file.replace(/^(readme|changelog|license)(\.\w+)?$/i, (_, name: string) => name.toUpperCase());

const covers = (entry: string, file: string): boolean =>
  entry.endsWith('/**') ? file.startsWith(entry.slice(0, -2)) : file === entry;

/** Strings of the manifest that name a file of the package. */
function filesNamedIn(value: unknown): string[] {
  if (typeof value === 'string')
    return /^(\.\/)?(dist|docs|extension|examples)\/[\w./-]+\.\w+$/.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(filesNamedIn);
}

/** The first message of a kind from a fresh compute server, and its end by hand. */
function askComputeServer<T>(folder: string, call: ToCompute & { kind: 'call' }): Promise<T> {
  const child = fork(join(folder, 'dist/compute-server.js'), {
    serialization: 'advanced',
    execArgv: [],
    stdio: 'pipe',
  });
  return new Promise<T>((done, fail) => {
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.once('exit', (code, signal) => fail(new Error(`the compute server ended with ${signal ?? code}: ${errors}`)));
    child.on('message', (raw) => {
      const message = raw as FromCompute;
      if (message.kind === 'ready') child.send(call);
      if (message.kind === 'failed') fail(new Error(JSON.stringify(message.failure)));
      if (message.kind === 'ok') done(message.result as T);
    });
  }).finally(() => child.kill());
}

describe('the packaged extension', function () {
  this.timeout(180_000);
  let packages: Packages;
  before(async () => {
    packages = await buildPackages();
  });
  after(() => packages?.remove());
  const both = (): readonly Unpacked[] => [packages.here, packages.other];

  it('holds what test/package/contents.txt lists, and nothing else', () => {
    for (const { target, files } of both()) {
      const entries = expectedContents(target);
      const strangers = files.filter((file) => !entries.some((entry) => covers(entry, named(file))));
      const missing = entries.filter((entry) => !files.some((file) => covers(entry, named(file))));
      assert.deepEqual({ target, strangers, missing }, { target, strangers: [], missing: [] });
    }
  });

  it('holds the binaries of its own platform only, each once', () => {
    const binaries = ({ files }: Unpacked) => files.filter((file) => /\.(node|dll|dylib)$|\.so\.\d+$/.test(file));
    const folder = 'node_modules/onnxruntime-node/bin/napi-v6';
    for (const unpacked of both()) {
      const platform = unpacked.target.replace('-', '/');
      const found = binaries(unpacked);
      assert.ok(found.includes(`${folder}/${platform}/onnxruntime_binding.node`));
      assert.ok(found.every((file) => file.startsWith(`${folder}/${platform}/`)));
    }
    const mac = both().find(({ target }) => target === 'darwin-arm64');
    if (mac !== undefined) assert.equal(binaries(mac).filter((file) => file.endsWith('.dylib')).length, 1);
  });

  it('is marked for its platform', () => {
    for (const { manifest, target } of both()) assert.match(manifest, new RegExp(`TargetPlatform="${target}"`));
  });

  it('is marked as a pre-release when its minor version is odd', () => {
    for (const { folder, manifest } of both()) {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
      const marked = manifest.includes('Id="Microsoft.VisualStudio.Code.PreRelease" Value="true"');
      assert.equal(marked, /^\d+\.\d*[13579]\./.test(version), version);
    }
  });

  it(`is at most ${budgetMB} MB`, () => {
    const size = statSync(packages.here.vsix).size / 1e6;
    assert.ok(size <= budgetMB, `${packages.here.target} is ${size.toFixed(2)} MB`);
  });

  it('has every file that its manifest names', () => {
    const { folder } = packages.here;
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const wanted = filesNamedIn(manifest);
    assert.ok(wanted.includes('./dist/extension.js'));
    assert.deepEqual(
      wanted.filter((file) => !existsSync(join(folder, file))),
      [],
    );
  });

  it('has a page for every analysis, and every page that one links to', () => {
    const { folder, files } = packages.here;
    const analyses = JSON.parse(readFileSync(join(folder, 'dist/analyses.json'), 'utf8')) as {
      readonly analyses: readonly { readonly id: string }[];
    };
    const wanted = analyses.analyses.map(({ id }) => `docs/analyses/${id}.md`);
    const linked = files
      .filter((file) => /^docs\/.*\.md$/.test(file))
      .flatMap((file) =>
        [...readFileSync(join(folder, file), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = '']) =>
          posix.join(posix.dirname(file), target),
        ),
      );
    assert.ok(wanted.length > 60 && linked.length > 100);
    assert.deepEqual(
      [...wanted, ...linked].filter((file) => !files.includes(file)),
      [],
    );
  });

  it('names no path of the machine that built it', () => {
    const { folder, files } = packages.here;
    const texts = files.filter((file) => ['.js', '.json', '.css', '.md', '.txt', '.svg'].includes(extname(file)));
    assert.ok(texts.length > 10);
    assert.deepEqual(
      texts.filter((file) => readFileSync(join(folder, file), 'utf8').includes(repositoryRoot)),
      [],
    );
  });

  it('loads its own onnxruntime in a fresh process and runs one graph', async () => {
    const { folder } = packages.here;
    const graph = new GraphBuilder('package-check');
    const scores = matmul(graph.input('a', 'float32', [2, 2]), graph.input('b', 'float32', [2, 2]));
    graph.output(softmax(scores), 'probabilities');
    writeFileSync(join(folder, '../graph.onnx'), graph.finish().model);
    const script = `
      process.env.ORT_DISABLE_TELEMETRY = '1';
      const ort = require(${JSON.stringify(join(folder, 'node_modules/onnxruntime-node'))});
      ort.InferenceSession.create('graph.onnx').then(async (session) => {
        const feed = (...values) => new ort.Tensor('float32', Float32Array.from(values), [2, 2]);
        const { probabilities } = await session.run({ a: feed(1, 0, 0, 1), b: feed(0, Math.log(3), 5, 5) });
        console.log(JSON.stringify([...probabilities.data]));
      });`;
    const printed = JSON.parse(await runProcess(process.execPath, ['-e', script], join(folder, '..'))) as number[];
    // softmax([0, ln 3]) = [1/4, 3/4]; softmax([5, 5]) = [1/2, 1/2].
    const expected = [0.25, 0.75, 0.5, 0.5];
    assert.equal(printed.length, expected.length);
    printed.forEach((value, index) => assert.ok(Math.abs(value - (expected[index] ?? NaN)) < 1e-6, String(printed)));
  });

  it('starts its compute server, which knows the mechanisms and proves the cpu', async () => {
    const { folder } = packages.here;
    const mechanisms = await askComputeServer<readonly MechanismInfo[]>(folder, {
      kind: 'call',
      id: 1,
      method: 'mechanisms',
      args: [],
    });
    assert.ok(mechanisms.some(({ id }) => id === 'fused'));
    const devices = await askComputeServer<readonly { id: string; available: boolean; reason?: string }[]>(folder, {
      kind: 'call',
      id: 2,
      method: 'devices',
      args: [{ roof: false }],
    });
    const cpu = devices.find(({ id }) => id === 'cpu');
    assert.equal(cpu?.available, true, JSON.stringify(cpu));
  });

  it('has a command line that runs without the repository', async () => {
    const { folder } = packages.here;
    const text = await runProcess(process.execPath, ['dist/cli.js', 'mechanisms', '--json', '-'], folder);
    const { mechanisms } = JSON.parse(text) as { readonly mechanisms: readonly { readonly id: string }[] };
    assert.ok(mechanisms.some(({ id }) => id === 'tiled'));
  });

  it('runs the demo model that it brings', async () => {
    const { folder } = packages.here;
    const text = await runProcess(process.execPath, ['dist/cli.js', 'heads', '--json', '-'], folder);
    const { model, parity } = JSON.parse(text) as { model: { name: string }; parity: { ok: boolean } };
    assert.equal(model.name, 'demo-lm');
    assert.equal(parity.ok, true);
  });

  it('has programs that the shell can start, and a language server that checks without an editor', async () => {
    const { folder } = packages.here;
    const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { bin: Record<string, string> };
    assert.deepEqual(Object.keys(bin).toSorted(), ['headscope', 'headscope-language-server']);
    for (const file of Object.values(bin)) {
      const text = readFileSync(join(folder, file), 'utf8');
      assert.equal(text.split('#!/usr/bin/env node').length - 1, 1, `${file} has one interpreter line`);
      assert.ok(text.startsWith('#!/usr/bin/env node\n'), file);
    }
    const server = bin['headscope-language-server'] ?? '';
    await runProcess(process.execPath, [server, 'check', 'examples/workspace/gpt2'], folder);
  });

  it('installs into VS Code, where its commands are offered and it asks nothing of the network', async () => {
    const host = await startHost({
      workspace: join(packages.here.folder, 'examples/workspace'),
      vsix: packages.here.vsix,
    });
    try {
      const browser = await launchBrowser();
      try {
        const page = await browser.newPage();
        const outside = watchOutsideRequests(page);
        const bench = await Workbench.attach(page, host);
        await bench.offers('Headscope: Benchmark Attention Kernels');
        assert.deepEqual(outside, []);
      } finally {
        await browser.close();
      }
    } finally {
      await host.stop();
    }
  });
});

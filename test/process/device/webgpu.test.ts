/**
 * Models on WebGPU by the real process, through Mesa's software adapter where the machine has no other: the numbers of the
 * cpu's run, which the laws hold against float64, within rounding; provenance; and what is said when the device is not there.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';
import { computeClient } from '../../../compute-server/cli/compute-process';
import type { HeadsRequest } from '../../../protocol/compute/heads-of-analysis';
import type { ComputeClient } from '../../../protocol/compute/client';
import { sentenceOf } from '../../../protocol/wire/words';
import { headsOn } from '../../support/heads-call';
import { ensureSystem } from '../../support/host/system';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { tinyModel, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { pictureOnBoth, textOnBoth, type Apart, type Servers } from '../../support/device/on-both';
import { bundleServer } from '../compute/support/bundle';
import { buildServer, failureOf, Place } from '../model/support/model-server';

/** While there is a file of this name with `GRAPH N`, run N of the graph fails, once. */
const lostOnce: Plugin = {
  name: 'lost-once',
  setup(bundle) {
    bundle.onLoad({ filter: /graphs[/\\]placement\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const run = 'return await session.run(feeds, fetches, kept);';
      const lost = `const { existsSync, readFileSync, rmSync } = require('node:fs');
        const file = process.env['LOSE_DEVICE'];
        const [name, at] = existsSync(file) ? readFileSync(file, 'utf8').split(' ') : [];
        const runs = (globalThis.runsOfGraphs ??= new Map());
        runs.set(graph, (runs.get(graph) ?? 0) + 1);
        if (graph === name && runs.get(graph) === Number(at)) { rmSync(file); throw new Error('Device lost'); }`;
      assert.ok(source.includes(run));
      return { contents: source.replace(run, `${lost} ${run}`), loader: 'ts' };
    });
  },
};

const ids = [3, 17, 5, 9, 17, 5, 41, 8, 22];
const headsOf = (folder: string): HeadsRequest => ({
  ...{ folder, prompt: { kind: 'ids', ids }, interventions: [], seed: 1 },
  ...{ classify: false, causal: false, thumbnails: false },
});
const vlm = tinyLlava();
/** Statistics are at most some tens here, logits and outputs of size 1 to 10: rounding of float32 and no more. */
const rounding = 1e-4;

describe('models on WebGPU', function () {
  this.timeout(120_000);
  let place: Place;
  let servers: Servers;
  let [text, llava, picture] = ['', '', ''];
  before(async () => {
    ensureSystem(['adapter'], console.log);
    await buildServer();
    place = new Place();
    text = place.at('text');
    // Windows of keys, grouped heads, soft caps.
    writeTinyModel(text, tinyModel('gemma2'), 'BF16');
    llava = place.at('llava');
    writeTinyModel(llava, vlm);
    writeProcessor(llava, vlm);
    picture = writePng(place.at('a.png'), tinyPixels(12, 12));
    servers = { cpu: place.client(), device: place.client({}, { HEADSCOPE_DEVICE: 'webgpu' }) };
  });
  after(() => place.remove());

  const assertEqual = ({ parity, errors, device }: Apart): void => {
    for (const [what, error] of Object.entries(errors)) assert.ok(error <= rounding, `${what} differs by ${error}`);
    assert.equal(device.id, 'webgpu');
    // An error of exactly 0 would be that of the cpu against itself.
    assert.ok(parity.ok && parity.maxLogitError > 0 && parity.maxLogitError < rounding, String(parity.maxLogitError));
    assert.equal(parity.device, device.name);
    assert.ok(parity.tolerance! > 1e-5 && parity.tolerance! < 0.1);
  };

  it('text: statistics, interventions of every kind, taps, decoding and gradients', async () => {
    const found = await textOnBoth(servers, text, ids);
    assertEqual(found);
    // WebGPU has no bfloat16: what is not converted when it is opened, the rows of the embedding, stays on the cpu, and is said.
    assert.match(found.device.onCpu?.join() ?? '', /^The token embedding runs on the CPU: .*\.$/);
    const { notes = [], device } = await servers.device.call('openModel', [text]);
    assert.deepEqual(device?.onCpu, found.device.onCpu);
    assert.match(notes.join(' '), /BF16 weights are widened to float32 .* take \d.* kB on WebGPU adapter\./);
  });

  for (const [weights, where] of [
    ['q8', 'webgpu'],
    ['float16', 'webgpu'],
    ['float16', 'webgpu:0-0,cpu:1-1'],
  ] as const) {
    it(`text in ${weights} on ${where}: as far from exact weights as rounding makes it`, async () => {
      const server = place.client({}, { HEADSCOPE_DEVICE: where, HEADSCOPE_WEIGHTS: weights });
      const llama = place.at(`llama ${weights}`);
      writeTinyModel(llama, tinyModel('llama'));
      const parity = await server.call('parity', [llama, { kind: 'ids', ids }]);
      const { device, weights: held } = await server.call('openModel', [llama]);
      assert.equal(held, weights);
      assert.deepEqual([device?.id, device?.onCpu], [where, undefined]);
      assert.equal(parity.weights, weights);
      assert.equal(parity.device, device?.name);
      // Logits are of size 1 to 4; rounding moves a number by 5e-4 of it in float16, and by 4e-3 of its block in 8 bits.
      const [least, most] = weights === 'q8' ? [1e-3, 0.2] : [1e-5, 3e-2];
      assert.ok(parity.maxLogitError > least && parity.maxLogitError < most, String(parity.maxLogitError));
    });
  }

  it('layers on WebGPU and on the CPU: the numbers of the CPU alone, and what each holds', async () => {
    for (const device of ['webgpu:0-0,cpu:1-1', 'cpu:0-0,webgpu:1-1']) {
      const shared = place.client({}, { HEADSCOPE_DEVICE: device });
      const found = await textOnBoth({ cpu: servers.cpu, device: shared }, text, ids);
      for (const [what, error] of Object.entries(found.errors)) {
        assert.ok(error <= rounding, `${what} differs by ${error} on ${device}`);
      }
      assert.equal(found.device.id, device);
      assert.equal(found.device.provider, device.replace(/:\d-\d/g, ''));
      const { parity } = found;
      assert.ok(parity.ok && parity.maxLogitError > 0 && parity.device === found.device.name, String(parity.device));
      const there = found.device.parts?.find(({ id }) => id === 'webgpu');
      assert.deepEqual(there?.layers, device.startsWith('cpu') ? { first: 1, last: 1 } : { first: 0, last: 0 });
      // The table of the embedding is tied to the head, which goes with the last layer.
      assert.equal(there?.head, device.startsWith('cpu') ? true : undefined);
    }
  });

  it('auto takes a device whose memory is known and says so of one whose is not; what cannot be is a sentence', async () => {
    const words = ['devices', '--model', text, '--threads', '1'];
    const auto = await place.headscope([...words, '--device', 'auto', '--device-memory', 'webgpu=1GB']);
    assert.deepEqual([auto.code, auto.stdout.trim()], [0, 'webgpu holds the whole model.'], auto.stderr);
    const { notes = [], device } = await servers.device.call('openModel', [text, 'auto']);
    assert.equal(device, undefined);
    assert.match(notes.join(' '), /memory WebGPU adapter \(webgpu\) has is not known, so auto gives it no layers\./);
    for (const [where, why] of [
      ['webgpu:0-0', /The model has 2 layers, from 0 to 1, and no device has layer 1\./],
      ['webgpu:0-0,cpu:2-3', /No device has layer 1\./],
      ['webgpu,cpu', /How much memory it has is not known, so layers cannot be given to it by memory\./],
      ['gpu0,cpu', /"gpu0" cannot be used: it is none of cpu, webgpu/],
    ] as const) {
      assert.match(sentenceOf(await failureOf(servers.device.call('openModel', [text, where]))), why);
    }
    const { code, stderr } = await place.headscope([...words, '--device', 'gpu0,cpu']);
    assert.equal(code, 2);
    assert.match(stderr, /There is no device "gpu0"\. Devices are cpu, webgpu/);
  });

  it('measured as it would be served: the time of each device, and the stream that crosses', async () => {
    const words = ['inspect', text, '--serve', '--measure', '--prompt', '8', '--device', 'cpu:0-0,webgpu:1-1'];
    const { code, stdout, stderr } = await place.headscope(words);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /predicted for the CPU alone/);
    assert.match(stdout, /^cpu +the token embedding and layer 0 +[\d.]+ ms +\d+ % +[\d.]+ ms +\d+ %/m);
    assert.match(stdout, /^webgpu +layer 1 and the language head +[\d.]+ ms/m);
    // 32 numbers of float32 a row.
    assert.match(stdout, /^cpu to webgpu +layer 1 +1\.0 kB +128 bytes/m);
  });

  it('pictures: the vision encoder, divergence with and without the picture, reinforcement', async () => {
    const found = await pictureOnBoth(servers, llava, picture, [...ids, vlm.imageToken, 11]);
    assertEqual(found);
    assert.equal(found.device.onCpu, undefined);
  });

  it('each request names its device: two of them in turns give what each gives alone', async () => {
    const both = place.client();
    const heads = (client: ComputeClient, device?: string) =>
      headsOn(client, { ...headsOf(text), ...(device === undefined ? {} : { device }) });
    const there = await heads(servers.device);
    const here = await heads(servers.cpu);
    for (const device of ['webgpu', 'cpu', 'webgpu']) {
      const found = await heads(both, device);
      const alone = device === 'cpu' ? here : there;
      assert.equal(found.device.id, device);
      assert.deepEqual([found.statistics, found.parity], [alone.statistics, alone.parity]);
    }
    // Without one: the device that the process was started with. The tokens need none.
    assert.equal((await heads(both)).device.id, 'cpu');
    assert.equal((await both.call('parity', [text, { kind: 'ids', ids }, 'webgpu'])).device, there.device.name);
    assert.deepEqual((await both.call('tokenise', [text, { kind: 'ids', ids }])).ids, ids);
    const failure = await failureOf(heads(both, 'gpu0'));
    assert.match(sentenceOf(failure), /"gpu0" cannot be used: it is none of cpu, webgpu/);
  });

  it('a device with too little memory refuses before it opens anything; one whose memory is not known says so', async () => {
    const words = ['heads', text, '--ids', ids.join(','), '--no-classify', '--device', 'webgpu'];
    const { code, stderr } = await place.headscope([...words, '--device-memory', '1KB']);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^This needs [\d.]+ kB on the device "webgpu", which has 1\.0 kB\. .*un it on the cpu/);
    const { notes = [] } = await servers.device.call('openModel', [text]);
    assert.match(notes.join(' '), /How much memory WebGPU adapter has is not known.*headscope\.compute\.deviceMemory/);
  });

  it('without an adapter a sentence says so, with the next step; the cpu is not taken instead', async () => {
    const nowhere = { VK_DRIVER_FILES: '/nowhere', VK_ICD_FILENAMES: '/nowhere', HEADSCOPE_DEVICE: 'webgpu' };
    const failure = await failureOf(place.client({}, nowhere).call('openModel', [text]));
    assert.ok(failure.code === 'device-unavailable' && /No graphics driver/.test(failure.detail), failure.code);
    const { code, stderr } = await place.headscope(['generate', text, '--ids', '1,2', '--device', 'coreml']);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /"coreml" cannot be used: .*"headscope devices" lists those that work here/);
  });

  it('a runtime folder without a runtime, with another version or without its library is a sentence; one with this runtime is taken', async () => {
    const { code, stderr } = await place.headscope(['generate', text, '--ids', '1,2'], undefined, {
      HEADSCOPE_RUNTIME: place.folder,
    });
    assert.equal(code, 3);
    assert.match(stderr, /holds no package onnxruntime-node\. Install onnxruntime-node@\S+ there, or empty [^.]*\./);
    const folderOf = (name: string, files: Readonly<Record<string, string>>): string => {
      mkdirSync(place.at(name));
      for (const [file, content] of Object.entries(files)) writeFileSync(place.at(name, file), content);
      return place.at(name);
    };
    const own = { name: 'onnxruntime-node', version: '1.30.0', main: 'index.js' };
    const refused = async (HEADSCOPE_RUNTIME: string): Promise<string> =>
      sentenceOf(await failureOf(place.client({}, { HEADSCOPE_RUNTIME }).call('parity', [text, { kind: 'ids', ids }])));
    const older = folderOf('older', { 'package.json': JSON.stringify({ ...own, version: '1.29.1' }) });
    assert.match(await refused(older), /holds onnxruntime-node 1\.29\.1, and this Headscope runs 1\.30\.0\. Install/);
    assert.match(await refused(place.at('nowhere')), /nowhere holds no package onnxruntime-node/);
    const hollow = folderOf('hollow', { 'package.json': JSON.stringify(own) });
    assert.match(await refused(hollow), /hollow lacks its library .*Install onnxruntime-node@1\.30\.0 there/);
    const taken = place.client({}, { HEADSCOPE_RUNTIME: process.cwd() });
    assert.ok((await taken.call('parity', [text, { kind: 'ids', ids: [1, 2] }])).ok);
  });

  it('a device that is lost in a run is a sentence, what was measured stays, and the next run works, in a new process', async () => {
    const { serverScript } = await bundleServer('test-device', [lostOnce]);
    const lose = place.at('lose');
    // Parity runs two chunks of each layer before.
    writeFileSync(lose, 'instrumented.1 3');
    const environment = place.environment({ HEADSCOPE_DEVICE: 'webgpu', LOSE_DEVICE: lose });
    let gone = (): void => {};
    const ended = new Promise<void>((resolve) => (gone = resolve));
    const client = computeClient(serverScript, environment, { onCrash: () => gone() });
    const { pid } = await client.call('info', []);
    /** Findings of what was measured by then. */
    const known: string[] = [];
    const run = () =>
      headsOn(client, headsOf(text), {
        onProgress: (progress) => progress.kind === 'partial' && known.push(progress.finding),
      });
    const failure = await failureOf(run());
    assert.match(
      sentenceOf(failure),
      /"webgpu" cannot be used: It failed in "instrumented\.1".*Device lost.* Run it again/,
    );
    assert.match(known.join(), /^1 of 2 layers/);
    await ended;
    const result = await run();
    assert.ok(result.parity.ok && result.device.id === 'webgpu');
    assert.equal(result.layers, 2);
    assert.notEqual((await client.call('info', [])).pid, pid);
    client.dispose();
  });
});

/** What an experiment gets without a word about it elsewhere: it needs no model, and what it trains is one that everything opens. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { computeClient } from '../../../compute-server/cli/compute-process';
import {
  type AnalysisRequest,
  type AnalysisResult,
  analysisText,
  parseAnalysis,
} from '../../../protocol/analysis/schema';
import type { ComputeClient } from '../../../protocol/compute/client';
import { FailureError } from '../../../protocol/wire/failures';
import { shortDemoLm } from '../../support/demo-models';
import { buildServer, headscope, serverScript } from './support/analysis-server';

describe('an experiment', function () {
  this.timeout(120_000);
  let folder: string;
  let cache: string;
  const clients: ComputeClient[] = [];
  before(buildServer);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-experiments-'));
    cache = join(folder, 'cache');
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const request = (parameters: AnalysisRequest['parameters'] = {}): AnalysisRequest => ({
    analysis: 'trained-cycle',
    folder: '',
    input: { kind: 'none' },
    parameters,
    interventions: [],
    seed: 3,
  });
  const server = (): ComputeClient => {
    const environment = { ...process.env, HEADSCOPE_CACHE_DIR: cache, HEADSCOPE_THREADS: '1' };
    const client = computeClient(serverScript, environment, {});
    clients.push(client);
    return client;
  };

  it('runs from the command line without a model, and writes one that other commands read', async () => {
    const words = ['run', 'trained-cycle', '--seed', '3', '--json', '-'];
    const { code, stdout, stderr } = await headscope(words, cache);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout) as AnalysisResult;
    assert.ok(parseAnalysis(analysisText(result)).ok);
    assert.equal(result.finding, '19 of 19 tokens are predicted.');
    const { model } = result;
    assert.match(model.folder, /trained-cycle-[0-9a-f]{8}$/);
    assert.ok(model.folder.startsWith(join(cache, 'experiments')));
    assert.deepEqual([model.family, model.layers, model.heads], ['qwen2', 1, 2]);
    const heads = await headscope(['run', 'first-token', model.folder, '--ids', '1,2,3,4', '--json', '-'], cache);
    assert.equal(heads.code, 0, heads.stderr);
    assert.equal((JSON.parse(heads.stdout) as AnalysisResult).model.hash, model.hash);
    const before = readFileSync(join(model.folder, 'model.safetensors'));
    await headscope(words, cache);
    assert.deepEqual(readFileSync(join(model.folder, 'model.safetensors')), before, 'the same run gives the same bits');
  });

  it('writes where it is told, and over nothing that is not its own', async () => {
    const own = join(folder, 'mine', 'toy');
    const client = server();
    const estimate = await client.call('estimateAnalysis', [request({ folder: own, steps: 20 })]);
    assert.deepEqual(estimate, { supported: true, bytes: 1e5 });
    assert.ok(!existsSync(own), 'an estimate writes nothing');
    for (let i = 0; i < 2; i++) {
      const { model } = await client.call('analysis', [request({ folder: own, steps: 20 })]);
      assert.equal(model.folder, own);
    }
    assert.deepEqual(readdirSync(own).sort(), ['config.json', 'model.safetensors']);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const why = (error: unknown) =>
      error instanceof FailureError &&
      error.failure.code === 'bad-request' &&
      error.failure.detail === `${folder} holds other files. Choose an empty folder.`;
    await assert.rejects(client.call('analysis', [request({ folder, steps: 20 })]), why);
    const refused = await client.call('estimateAnalysis', [request({ folder })]);
    assert.deepEqual(refused, { supported: `${folder} holds other files. Choose an empty folder.` });
  });

  it('goes on behind its last checkpoint when it was cancelled, and gives the same bits', async () => {
    const client = server();
    // Progress comes twice a second at most: training has to take longer than a few of these.
    const steps = 6000;
    const first = join(folder, 'first');
    const whole = await client.call('analysis', [request({ folder: first, steps })]);
    const bits = readFileSync(join(first, 'model.safetensors'));
    const second = join(folder, 'second');
    const controller = new AbortController();
    const running = client.call('analysis', [request({ folder: second, steps })], {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.kind === 'stage' && progress.kept >= 2) controller.abort();
      },
    });
    await assert.rejects(running, (error) => error instanceof FailureError && error.failure.code === 'cancelled');
    assert.ok(!existsSync(second), 'it was cancelled before its end');
    const resumed = await client.call('analysis', [request({ folder: second, steps })]);
    assert.deepEqual(resumed.result, whole.result);
    assert.deepEqual(readFileSync(join(second, 'model.safetensors')), bits);
  });

  it('lets models be opened and read while it trains, and nothing run', async () => {
    const client = server();
    const controller = new AbortController();
    const ended: string[] = [];
    let begin = (): void => undefined;
    const trains = new Promise<void>((resolve) => (begin = resolve));
    const running = client
      .call('analysis', [request({ steps: 10_000 })], {
        signal: controller.signal,
        onProgress: (progress) => {
          if (progress.kind === 'stage' && progress.share > 0) begin();
        },
      })
      .catch(() => undefined)
      .finally(() => ended.push('the training'));
    await trains;
    const asked = { text: 'Mary and John', chat: false, kind: 'text' } as const;
    const run = client.call('nextTokens', [{ folder: shortDemoLm, ids: [1, 2], variants: [], top: 1 }]);
    void run.then(() => ended.push('a run'));
    const { hash, tokenizer } = await client.call('openModel', [shortDemoLm]);
    const { tokens } = await client.call('tokenise', [shortDemoLm, asked]);
    const prompt: AnalysisRequest = {
      ...request(),
      analysis: 'first-token',
      folder: shortDemoLm,
      input: { kind: 'prompt', prompt: asked },
    };
    const { supported } = await client.call('estimateAnalysis', [prompt]);
    assert.deepEqual(ended, [], 'all of this was answered before the training ended');
    assert.deepEqual([tokenizer, supported, tokens.join('')], [true, true, '<s>Mary and John']);
    controller.abort();
    await running;
    await run;
    assert.deepEqual(ended, ['the training', 'a run']);
    assert.equal((await client.call('openModel', [shortDemoLm])).hash, hash);
    assert.deepEqual((await client.call('tokenise', [shortDemoLm, asked])).tokens, tokens);
  });

  it('refuses a model, and an analysis that needs one refuses to run without', async () => {
    const given = await headscope(['run', 'trained-cycle', folder], cache);
    assert.equal(given.code, 2);
    assert.match(given.stderr, /Trained cycle trains its own model\. Give the folder for it with --param folder=/);
    const client = server();
    const none = {
      ...request(),
      analysis: 'first-token',
      input: { kind: 'prompt', prompt: { kind: 'ids', ids: [1] } },
    };
    await assert.rejects(client.call('analysis', [none as AnalysisRequest]), /no model is named/);
    const interventions = [{ kind: 'gain', layer: 0, head: 0, gain: 0 }] as const;
    await assert.rejects(client.call('analysis', [{ ...request(), interventions }]), /takes no interventions/);
  });
});

/** What an analysis of one file and one line in the catalogue gets: everything here is driven without a word about it elsewhere. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { computeClient } from '../../../compute-server/cli/compute-process';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import {
  type AnalysisRequest,
  type AnalysisResult,
  analysisText,
  parseAnalysis,
} from '../../../protocol/analysis/schema';
import { nameOfResult } from '../../../protocol/compute/analyses';
import type { ComputeClient } from '../../../protocol/compute/client';
import { FailureError } from '../../../protocol/wire/failures';
import { shortDemoLm as model } from '../../support/demo-models';
import { buildServer, headscope, serverScript } from './support/analysis-server';

const prompt = 'the cat sat on the mat and the cat';

describe('an analysis of one file', function () {
  this.timeout(120_000);
  let folder: string;
  let cache: string;
  const clients: ComputeClient[] = [];
  before(buildServer);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-analyses-'));
    cache = join(folder, 'cache');
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const client = (more: Readonly<Record<string, string>> = {}): ComputeClient => {
    const made = computeClient(
      serverScript,
      { ...process.env, HEADSCOPE_CACHE_DIR: cache, HEADSCOPE_THREADS: '1', ...more },
      {},
    );
    clients.push(made);
    return made;
  };
  const request = (change: Partial<AnalysisRequest> = {}): AnalysisRequest => ({
    analysis: 'first-token',
    folder: model,
    input: { kind: 'prompt', prompt: { kind: 'text', text: prompt } },
    parameters: {},
    interventions: [],
    seed: 0,
    ...change,
  });
  const json = async <T>(...words: string[]): Promise<T> => {
    const { code, stdout, stderr } = await headscope([...words, '--json', '-'], cache);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };

  it('is listed with its parameters, and its form is its table', async () => {
    const { analyses } = await json<{ analyses: { id: string; parameters: { name: string; max?: number }[] }[] }>(
      'analyses',
    );
    assert.deepEqual(
      analyses.map(({ id }) => id),
      ['first-token', 'task-reader', 'trained-cycle'],
    );
    assert.deepEqual(analyses[0]?.parameters[0]?.name, 'threshold');
    const { code, stdout } = await headscope(['run', 'first-token', '--list-params'], cache);
    assert.equal(code, 0);
    assert.match(stdout, /^threshold +0 to 1 +0\.5 +Mass on the first token/m);
  });

  it('runs from the command line: parameters, interventions, finding, sections', async () => {
    const words = ['run', 'first-token', model, '--prompt', prompt];
    const plain = await json<AnalysisResult>(...words);
    assert.equal(plain.kind, 'headscope-analysis');
    const scores = plain.result['scores'] as number[][];
    assert.equal(scores.length, plain.model.layers);
    assert.equal(plain.parity?.ok, true);
    const strict = await json<AnalysisResult>(...words, '--param', 'threshold=1');
    assert.match(strict.finding, /^0 heads give the first token at least 100 % of the attention\./);
    const changed = await json<AnalysisResult>(...words, '--gain', '0.0=0');
    assert.deepEqual(changed.interventions, [{ kind: 'gain', layer: 0, head: 0, gain: 0 }]);
    assert.deepEqual((changed.result['scores'] as number[][])[0], scores[0], 'a gain acts behind the attention');
    assert.notDeepEqual(changed.result['scores'], scores);
    const { stdout } = await headscope(words, cache);
    assert.ok(stdout.startsWith(plain.finding));
    assert.match(stdout, /Mass on the first token/);
  });

  it('refuses with a sentence what its table and the model do not allow', async () => {
    const words = ['run', 'first-token', model, '--prompt', prompt];
    const wrong = async (...more: string[]) => {
      const { code, stderr } = await headscope([...words, ...more], cache);
      return { code, stderr };
    };
    const outside = await wrong('--param', 'threshold=7');
    assert.notEqual(outside.code, 0);
    assert.match(outside.stderr, /first-token\.threshold must be a number from 0 to 1, not 7/);
    const unknown = await wrong('--param', 'treshold=0.5');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /no parameter "treshold".* It takes threshold, heads/);
    const none = await headscope(['run', 'nothing', model], cache);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /no analysis "nothing".* Choose one of first-token/);
  });

  it('says progress and partial results; a cancelled run goes on behind its steps and gives what an uninterrupted one gives', async () => {
    const server = client();
    // Long enough that the run is cancelled long before its end.
    const input = { kind: 'prompt', prompt: { kind: 'text', text: `${prompt} `.repeat(100) } } as const;
    const whole = await server.call('analysis', [request({ input })]);
    const kept = join(folder, 'kept');
    const controller = new AbortController();
    const heard: AnalysisProgress[] = [];
    const cancelled = server.call('analysis', [request({ input, keepIn: kept })], {
      signal: controller.signal,
      onProgress(progress) {
        heard.push(progress);
        if (progress.kind === 'stage' && progress.kept > 0) controller.abort();
      },
    });
    await assert.rejects(cancelled, (error) => error instanceof FailureError && error.failure.code === 'cancelled');
    assert.ok(heard.some(({ kind }) => kind === 'partial'));
    const own = join(kept, 'headscope-steps');
    const [run = ''] = readdirSync(own).filter((name) => name !== 'CACHEDIR.TAG');
    const steps = readdirSync(join(own, run)).length;
    assert.ok(steps > 0 && steps < whole.model.layers * whole.model.heads, `${steps} steps are kept`);
    const resumed = await server.call('analysis', [request({ input, keepIn: kept })]);
    assert.deepEqual(resumed.result, whole.result);
    assert.deepEqual(resumed.sections, whole.sections);
    assert.deepEqual(readdirSync(own), ['CACHEDIR.TAG'], 'a run that ended leaves nothing');
    assert.deepEqual(readdirSync(kept), ['headscope-steps']);
  });

  it('is saved and read back; a question and a comparison take the saved result', async () => {
    const server = client();
    const result = await server.call('analysis', [request()]);
    const read = parseAnalysis(analysisText(result));
    assert.ok(read.ok, read.ok ? '' : read.why);
    assert.deepEqual(JSON.parse(JSON.stringify(read.result)), JSON.parse(JSON.stringify(result)));
    const question = { section: 'scores', place: { kind: 'head', layer: 1, head: 2 } } as const;
    const map = await server.call('askAnalysis', [read.result, question]);
    const named = { named: nameOfResult(result) };
    assert.deepEqual(await server.call('askAnalysis', [named, question]), map, 'the server has what it made');
    const old = { named: nameOfResult({ ...result, created: '2020-01-01T00:00:00.000Z' }) };
    assert.deepEqual(await server.call('askAnalysis', [old, question]), { kind: 'unknown-result' });
    assert.equal(map.kind, 'map');
    // Every row of attention sums to one.
    for (const row of map.kind === 'map' ? map.values : [])
      assert.ok(Math.abs(row.reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
    const other = await server.call('analysis', [request({ interventions: result.offers?.[0]?.interventions ?? [] })]);
    const [change] = await server.call('compareAnalyses', [result, other]);
    assert.equal(change?.kind, 'heads');
    const stale = { ...result, model: { ...result.model, hash: 'another' } };
    await assert.rejects(
      server.call('askAnalysis', [stale, { section: 'scores', place: { kind: 'head', layer: 0, head: 0 } }]),
      /Its files are not those that gave this result/,
    );
  });

  it('says what it will take, or why it does not run', async () => {
    const server = client();
    const estimate = await server.call('estimateAnalysis', [request()]);
    assert.deepEqual(estimate, { supported: true, passes: 1, seconds: estimate.seconds, bytes: estimate.bytes });
    const source = { from: 'prompt', prompt } as const;
    const replaced = request({ interventions: [{ kind: 'head', layer: 1, head: 2, source }] });
    assert.equal((await server.call('estimateAnalysis', [replaced])).supported, true);
    const absent = request({ interventions: [{ kind: 'head', layer: 99, head: 2, source }] });
    await assert.rejects(server.call('estimateAnalysis', [absent]), /There is no layer 99/);
    // With so little memory no part of the model can be opened.
    const small = client({ HEADSCOPE_MEMORY_LIMIT: '100' });
    for (const asked of ['estimateAnalysis', 'analysis'] as const) {
      await assert.rejects(
        small.call(asked, [request()]),
        (error) => error instanceof FailureError && error.failure.code === 'out-of-memory',
      );
    }
  });
});

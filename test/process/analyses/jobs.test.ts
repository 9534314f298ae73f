/** Runs that go on without whoever started them: real processes, killed for real. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ComputeLaunch } from '../../../extension/platform/compute-process';
import { DetachedRuns } from '../../../extension/platform/detached-runs';
import { closing } from '../../../extension/platform/closing';
import { JobFolders, type JobFolder } from '../../../files/job-folder';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import type { AnalysisRequest, AnalysisResult } from '../../../protocol/analysis/schema';
import { parseAnalysis } from '../../../protocol/analysis/schema';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { buildServer, cliScript, serverScript } from './support/analysis-server';
import { runCli } from '../compute/support/run-cli';

const workspace = '/folder/of-tests';
const named = { title: 'Trained cycle', model: '' };

describe('runs that go on without a window', function () {
  this.timeout(60_000);
  let folder: string;
  let root: string;
  const windows: DetachedRuns[] = [];
  before(buildServer);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-jobs-'));
    root = join(folder, 'state');
  });
  afterEach(async () => {
    for (const window of windows.splice(0)) window.dispose();
    for (const job of await jobs()) await job.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const jobs = (): Promise<readonly JobFolder[]> => new JobFolders(root).list();
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    HEADSCOPE_JOBS_DIR: root,
    HEADSCOPE_CACHE_DIR: join(folder, 'cache'),
  });
  const headscope = (...words: string[]) => runCli(cliScript, words, environment());
  const listed = async (): Promise<readonly Record<string, unknown>[]> => {
    const { stdout, stderr } = await headscope('jobs', '--json', '-');
    return (JSON.parse(stdout || stderr) as { jobs: readonly Record<string, unknown>[] }).jobs;
  };
  const launch = (): Omit<ComputeLaunch, 'log'> => ({
    module: serverScript,
    nodePath: '',
    runtimeFolder: '',
    device: 'cpu',
    weights: 'as-stored',
    cacheWeights: 0,
    threads: 1,
    memoryLimit: 0,
    deviceMemory: '',
    cacheFolder: join(folder, 'cache'),
  });
  const open = (of: readonly string[] = [workspace]): DetachedRuns => {
    const window = new DetachedRuns({
      root,
      workspace: () => of,
      lookEvery: 50,
      followEvery: 50,
      launch: () => ({ ...launch(), log: () => undefined }),
    });
    windows.push(window);
    return window;
  };
  const request = (steps: number): AnalysisRequest => ({
    analysis: 'trained-cycle',
    folder: '',
    input: { kind: 'none' },
    parameters: { steps },
    interventions: [],
    seed: 3,
  });
  const run = (window: DetachedRuns, steps: number, signal = new AbortController().signal) => {
    const said: AnalysisProgress[] = [];
    return { said, result: window.run(request(steps), named, signal, (progress) => said.push(progress)) };
  };
  const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      await wait(50);
    }
  };
  const begun = async (job?: JobFolder): Promise<{ readonly job: JobFolder; readonly pid: number }> =>
    until(async () => {
      const one = job ?? (await jobs())[0];
      const lock = await one?.lock();
      return one && lock?.state === 'held' && (await one.has('stage')) ? { job: one, pid: lock.holder.pid } : undefined;
    });
  const resultIn = (job: JobFolder): AnalysisResult => {
    const read = parseAnalysis(readFileSync(job.pathOf('result'), 'utf8'));
    assert.ok(read.ok, read.ok ? '' : read.why);
    return read.result;
  };

  it('go on when the window is killed, and the next window of the folder takes the result once', async () => {
    // A window of its own process, which ends without a word.
    const given = { root, workspace: [workspace], launch: launch(), request: request(3000) };
    const parent = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'support', 'window-of-jobs.ts')], {
      env: { ...process.env, WINDOW_OF_JOBS: JSON.stringify(given) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(parent, 'message');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const { job } = await begun();
    assert.equal((await job.lock()).state, 'held', 'its process lives');
    const [row] = await listed();
    assert.deepEqual([row?.['id'], row?.['state'], row?.['title']], [job.id, 'running', 'Trained cycle']);

    const next = open();
    const found: AnalysisRequest[] = [];
    next.onFound((one) => found.push(one));
    await until(() => Promise.resolve(found.length > 0 ? true : undefined));
    assert.deepEqual(found, [request(3000)]);
    const { result } = run(next, 3000);
    assert.equal((await result).finding, resultIn(job).finding);
    await next.taken(await result);
    assert.equal((await jobs()).length, 1, 'nothing was started a second time');
    const later = open();
    later.onFound((one) => found.push(one));
    await wait(200);
    assert.equal(found.length, 1, 'a result that a window has kept is not shown again');
  });

  it('are one run for two windows of a folder, and none for a window of another', async () => {
    const [one, other, elsewhere] = [open(), open([workspace, '/folder/beside']), open(['/folder/elsewhere'])];
    const found: string[] = [];
    other.onFound(() => found.push('other'));
    elsewhere.onFound(() => found.push('elsewhere'));
    const first = run(one, 1500);
    await begun();
    await until(() => Promise.resolve(found.length > 0 ? true : undefined));
    assert.equal(await other.goesOn(request(1500)), true);
    assert.equal(await other.goesOn(request(1499)), false);
    const second = run(other, 1500);
    const [a, b] = await Promise.all([first.result, second.result]);
    assert.deepEqual(a, b);
    assert.deepEqual(found, ['other']);
    for (const { said } of [first, second]) {
      assert.ok(said.some((progress) => progress.kind === 'stage' && progress.outlasts));
    }
    assert.equal((await jobs()).length, 1);
  });

  it('stay as the window closes, and end when a person stops them in a window or in a terminal', async () => {
    const window = open();
    const leaving = new AbortController();
    const left = run(window, 9000, leaving.signal);
    const { job } = await begun();
    leaving.abort(closing);
    await assert.rejects(left.result, FailureError);
    assert.equal((await job.lock()).state, 'held');
    const stopping = new AbortController();
    const again = run(window, 9000, stopping.signal);
    stopping.abort();
    await again.result.then(
      ({ stopped }) => assert.equal(stopped, true),
      (error: FailureError) => assert.equal(error.failure.code, 'cancelled'),
    );
    await until(async () => ((await job.lock()).state === 'held' ? undefined : true));

    void run(window, 8000).result.catch(() => undefined);
    const second = await begun();
    assert.notEqual(second.job.id, job.id);
    const { code, stdout, stderr } = await headscope('jobs', 'stop', second.job.id);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /: (stopped|done)\./);
    await until(async () => ((await second.job.lock()).state === 'held' ? undefined : true));
    const unknown = await headscope('jobs', 'stop', 'x');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /^There is no job x\. "headscope jobs" lists/);
  });

  it('say that their process is gone when it was killed, once, and go on behind their steps with the same request', async () => {
    const window = open();
    const killed = run(window, 4000);
    const { job, pid } = await begun();
    await until(async () => ((await job.read('stage'))?.includes('"kept":0') ? undefined : true));
    process.kill(pid, 'SIGKILL');
    const failure = await killed.result.then(
      () => assert.fail('it was killed'),
      (error: unknown) => (error as FailureError).failure,
    );
    assert.match(sentenceOf(failure), /its process ended without a result.*steps that it had finished are kept/);
    const [row] = await listed();
    assert.deepEqual([row?.['state'], row?.['pid']], ['gone', undefined]);
    assert.equal((await job.lock()).state, 'stale');
    const again = run(window, 4000);
    assert.equal((await again.result).finding, '19 of 19 tokens are predicted.');
    assert.equal((await jobs()).length, 2);
    const first = again.said.find((progress) => progress.kind === 'stage' && progress.kept > 0);
    assert.ok(first, 'it goes on from steps on disk');
  });

  it('are worked on by one process, whoever starts a second one', async () => {
    const { result } = run(open(), 1000);
    const { job, pid } = await begun();
    const second = spawn(process.execPath, [serverScript, '--job', job.path], { env: environment(), stdio: 'ignore' });
    assert.deepEqual(await once(second, 'exit'), [0, null]);
    const lock = await job.lock();
    assert.ok(lock.state !== 'free');
    assert.equal(lock.holder.pid, pid);
    assert.ok((await result).finding.length > 0);
  });
});

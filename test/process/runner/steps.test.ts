/** Nothing is left running behind a step of `npm test`: stopped at its limit, ended by a signal, or ended by itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { runStep } from '../../../build/steps.mjs';
import { repositoryRoot } from '../../support/host/versions';

const leaving = (file: string, ...words: readonly string[]): string[] => [
  '--import',
  'tsx',
  join(__dirname, 'leaves-behind.ts'),
  file,
  ...words,
];

/** True while it runs; what has ended and was only not asked for by its parent does not count. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

describe('a step of npm test', function () {
  this.timeout(60_000);
  let folder = '';
  let file = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-steps-'));
    file = join(folder, 'pids.json');
  });
  afterEach(() => {
    for (const pid of started()) if (runs(pid)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const isWhole = (): boolean => existsSync(file) && readFileSync(file, 'utf8').endsWith('}');
  const started = (): readonly number[] =>
    isWhole() ? (JSON.parse(readFileSync(file, 'utf8')) as { readonly pids: readonly number[] }).pids : [];
  const running = (): readonly number[] => started().filter(runs);

  it('that is stopped at its limit leaves nothing running, in no group of processes', async () => {
    let seen: readonly number[] = [];
    // Its time stands still until everything is started, and is over then.
    const slowness = (): number => {
      if (seen.length === 0) seen = running();
      return seen.length === 0 ? 1e9 : 1e-9;
    };
    const { ok, why } = await runStep(process.execPath, leaving(file), { minutes: 1, machine: { slowness } });
    assert.equal(ok, false);
    assert.match(why ?? '', /^it was stopped after \d+ s, its limit of 1 minutes here$/);
    assert.equal(seen.length, 3, 'three processes ran');
    assert.deepEqual(running(), []);
  });

  it('leaves nothing running when the one that runs it is told to end', async () => {
    const steps = pathToFileURL(join(repositoryRoot, 'build/steps.mjs')).href;
    const script = `import { endWithSignals, runStep } from ${JSON.stringify(steps)};
endWithSignals();
await runStep(process.execPath, ${JSON.stringify(leaving(file))}, { minutes: 10 });`;
    const runner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: repositoryRoot,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    runner.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = new Promise<number | null>((done) => runner.once('close', done));
    while (running().length < 3) {
      assert.equal(runner.exitCode, null, said);
      await pause(20);
    }
    runner.kill('SIGTERM');
    assert.equal(await ended, 143);
    assert.match(said, /ended by SIGTERM, with everything that was started/);
    // They are killed, and the system needs a moment to take them away.
    while (running().length > 0) await pause(20);
  });

  it('that ends by itself and leaves something running has failed, and it is ended', async () => {
    const options = { output: 'kept', graceSeconds: 0 } as const;
    const { ok, why } = await runStep(process.execPath, leaving(file, 'and end'), options);
    assert.equal(ok, false);
    assert.match(why ?? '', /^it left running: .*setInterval/);
    assert.equal(started().length, 3);
    assert.deepEqual(running(), []);
  });

  it('hands over what it printed, in the order in which it did', async () => {
    const script = "for (const say of ['log', 'error', 'log']) console[say](say); process.exitCode = 3;";
    const { ok, why, text } = await runStep(process.execPath, ['-e', script], { output: 'kept' });
    assert.deepEqual([ok, why], [false, 'it ended with code 3']);
    assert.equal(text, 'log\nerror\nlog\n');
  });
});

/** Processes that hold the tests of a subject, with every error planted behind a switch (worker.ts). */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromWorker, ToWorker } from './messages';
import { bundle, root } from './project';

mkdirSync(join(root, 'out/mutations'), { recursive: true });
const log = openSync(join(root, 'out/mutations/workers.log'), 'w');
const folder = mkdtempSync(join(tmpdir(), 'headscope-mutations-'));
const workers = new Set<ChildProcess>();
process.on('exit', () => {
  for (const worker of workers) worker.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

export const testFiles = (under: string): readonly string[] =>
  under.endsWith('.test.ts')
    ? [under]
    : readdirSync(join(root, under), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts'))
        .sort()
        .map((name) => `${under}/${name}`);

export async function writeBundle(
  entries: readonly string[],
  texts: ReadonlyMap<string, string>,
  name: string,
): Promise<string> {
  const file = join(folder, `${name}.cjs`);
  writeFileSync(file, await bundle(entries, texts));
  return file;
}

export type Answer = FromWorker | 'slow' | 'ended';

export interface Worker {
  /** `limit` is in milliseconds: for the whole answer, or for what follows a message that says that a test begins. */
  ask(message: ToWorker, limit: (begun?: FromWorker & { kind: 'begins' }) => number): Promise<Answer>;
  end(): void;
}

export async function startWorker(functions: number, file: string): Promise<Worker> {
  const child = fork(join(__dirname, 'worker.ts'), [String(functions), file], {
    cwd: root,
    execArgv: ['--import', 'tsx', '--max-old-space-size=3000'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    // The runtime complains of graphs that an error spoiled.
    stdio: ['ignore', log, log, 'ipc'],
  });
  workers.add(child);
  child.on('exit', () => workers.delete(child));
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', () => reject(new Error('A worker ended before it was ready: see out/mutations/workers.log.')));
  });
  return {
    ask: (message, limit) =>
      new Promise((resolve) => {
        const finish = (answer: Answer) => {
          clearTimeout(timer);
          child.off('message', hear).off('exit', ended);
          resolve(answer);
        };
        const ended = () => finish('ended');
        const wait = (begun?: FromWorker & { kind: 'begins' }) => setTimeout(() => finish('slow'), limit(begun));
        const hear = (answer: FromWorker) => {
          if (answer.kind !== 'begins') return finish(answer);
          clearTimeout(timer);
          timer = wait(answer);
        };
        let timer = wait();
        child.on('message', hear).on('exit', ended);
        child.send(message);
      }),
    end: () => child.kill('SIGKILL'),
  };
}

/** The compute server and the command line as they are shipped, for the tests that run models in them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { computeClient } from '../../../../compute-server/cli/compute-process';
import type { ComputeClient, ComputeClientOptions } from '../../../../protocol/compute/client';
import { FailureError, type Failure } from '../../../../protocol/wire/failures';
import { bundledServer, bundleServer } from '../../compute/support/bundle';
import { runCli, type Outcome } from '../../compute/support/run-cli';

const { serverScript, cliScript } = bundledServer('test-model');

let built: Promise<unknown> | undefined;

/** Once per run of the tests. Finished layers are kept from the first on, so that short runs can be resumed too. */
export const buildServer = (): Promise<unknown> =>
  (built ??= bundleServer('test-model', [
    {
      name: 'resume-at-once',
      setup(bundle) {
        bundle.onLoad({ filter: /analyses\/step-store\.ts$/ }, async ({ path }) => {
          const source = await readFile(path, 'utf8');
          const changed = source.replace('const standingAfterMs = 2000;', 'const standingAfterMs = 0;');
          if (changed === source) throw new Error('step-store.ts has no standingAfterMs to change');
          return { contents: changed, loader: 'ts' };
        });
      },
    },
  ]));

/** A fresh folder for models, results and the cache of one test. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'headscope-model-'));
  readonly cache = join(this.folder, 'cache');
  private readonly clients: ComputeClient[] = [];

  at(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** What runs that were stopped have left in the cache, by name. */
  unfinished(): readonly string[] {
    return ['headscope-unfinished', 'headscope-steps'].flatMap((name) => {
      const folder = join(this.cache, name);
      return existsSync(folder) ? readdirSync(folder).filter((entry) => /^[0-9a-f]{24}(\.|$)/.test(entry)) : [];
    });
  }

  environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return { ...process.env, HEADSCOPE_CACHE_DIR: this.cache, HEADSCOPE_THREADS: '1', ...more };
  }

  client(
    options: Omit<ComputeClientOptions, 'start' | 'after'> = {},
    more: Readonly<Record<string, string>> = {},
  ): ComputeClient {
    const client = computeClient(serverScript, this.environment(more), options);
    this.clients.push(client);
    return client;
  }

  /** Runs `headscope` with no terminal; `onStart` may interrupt it. */
  headscope(
    words: readonly string[],
    onStart?: (interrupt: () => void) => void,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> {
    return runCli(cliScript, words, this.environment(more), onStart);
  }

  /** The same, to be killed. */
  started(words: readonly string[]): { readonly pid: number; readonly ended: Promise<unknown> } {
    const child = spawn(process.execPath, [cliScript, ...words], { env: this.environment(), stdio: 'ignore' });
    assert.ok(child.pid !== undefined);
    return { pid: child.pid, ended: once(child, 'exit') };
  }

  remove(): void {
    for (const client of this.clients) client.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The failure with which a call rejects; fails the test when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => assert.fail('the call gave a result'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FailureError, String(error));
  return error.failure;
}

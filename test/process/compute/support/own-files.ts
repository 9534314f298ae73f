/** A workspace with files of a person's own, and a compute server that ends them after `ownSeconds`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { computeClient } from '../../../../compute-server/cli/compute-process';
import type { ComputeClient } from '../../../../protocol/compute/client';
import { computing, patience } from '../../../support/patience';
import { bundleKernelProcess } from './bundle';
import { buildServer, environment, serverScript } from './server';

/** As much computing as three seconds of the reference machine. */
export const ownSeconds = Math.ceil(computing(3));

export interface Workspace {
  readonly folder: string;
  readonly client: ComputeClient;
  /** Gives the path of the file. */
  readonly write: (name: string, source: string) => Promise<string>;
}

export interface Planted {
  readonly source: string;
  readonly said: RegExp;
  readonly line: number;
}

/** Set up before the tests of a `describe`, and taken down behind them. */
export function workspaceFor(tests: Mocha.Suite): Workspace {
  tests.timeout(240_000);
  let folder = '';
  let client: ComputeClient | undefined;
  before(async () => {
    await buildServer();
    await bundleKernelProcess('test-compute');
    folder = await mkdtemp(path.join(tmpdir(), 'headscope-own-'));
    // A cancelled run has as much longer to say what it knows as the machine is slower.
    client = computeClient(serverScript, environment({ HEADSCOPE_KERNEL_SECONDS: String(ownSeconds) }), {
      killAfter: patience(1200),
    });
  });
  after(async () => {
    client?.dispose();
    await rm(folder, { recursive: true });
  });
  return {
    get folder() {
      return folder;
    },
    get client() {
      return client!;
    },
    async write(name, source) {
      const file = path.join(folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, source);
      return file;
    },
  };
}

/** The compute server and the command line as they are shipped, bundled with the faulty catalogue. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { computeClient } from '../../../../compute-server/cli/compute-process';
import type { ComputeClient, ComputeClientOptions } from '../../../../protocol/compute/client';
import type { BenchmarkSetup } from '../../../../protocol/results/benchmark-schema';
import { bundledServer, bundleServer } from './bundle';
import { runCli, type Outcome } from './run-cli';

const { serverScript, cliScript } = bundledServer('test-compute');
export { cliScript, serverScript };

let built: Promise<unknown> | undefined;

/** Once per run of the tests. */
export const buildServer = (): Promise<unknown> =>
  (built ??= bundleServer('test-compute', [
    {
      name: 'faulty-catalogue',
      setup(bundle) {
        bundle.onResolve({ filter: /kernels\/catalogue$/ }, () => ({
          path: path.join(__dirname, 'faulty-catalogue.ts'),
        }));
      },
    },
  ]));

/** One folder for all tests of a run, so that the roof is measured once. */
const cache = mkdtempSync(path.join(tmpdir(), 'headscope-cache-'));

export const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  HEADSCOPE_CACHE_DIR: cache,
  ...more,
});

/** Runs `headscope` with no terminal; `onStart` may interrupt it. */
export const headscope = (words: readonly string[], onStart?: (interrupt: () => void) => void): Promise<Outcome> =>
  runCli(cliScript, words, environment(), onStart);

export const startClient = (
  options: Omit<ComputeClientOptions, 'start' | 'after'> = {},
  more: Readonly<Record<string, string>> = {},
): ComputeClient => computeClient(serverScript, environment(more), options);

type PlanChanges = Partial<Omit<BenchmarkSetup, 'shape'>> & { readonly shape?: Partial<BenchmarkSetup['shape']> };

/** A plan of a fraction of a second. */
export const smallPlan = ({ shape, ...changes }: PlanChanges = {}): BenchmarkSetup => ({
  mechanisms: ['scaled-dot-product'],
  baseline: 'fused',
  parameters: {},
  device: 'cpu',
  threads: 1,
  precision: 'float32',
  seed: 7,
  secondsPerLength: 0.3,
  measureMemory: false,
  ...changes,
  shape: {
    pattern: 'causal-self',
    batch: 1,
    heads: 2,
    kvHeads: 2,
    headDim: 32,
    valueDim: 32,
    lengths: [64],
    ...shape,
  },
});

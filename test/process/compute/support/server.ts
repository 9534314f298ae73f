/** The compute server and the command line as they are shipped, bundled with the faulty catalogue. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { computeClient } from '../../../../compute-server/cli/compute-process';
import type { ComputeClient, ComputeClientOptions } from '../../../../protocol/compute/client';
import type { BenchmarkPlan } from '../../../../protocol/results/benchmark';

const root = path.resolve(__dirname, '../../../..');
/** Inside the repository, so that the bundles find onnxruntime-node. */
const folder = path.join(root, 'out', 'test-compute');

export const serverScript = path.join(folder, 'compute-server.js');
export const cliScript = path.join(folder, 'cli.js');

let built: Promise<unknown> | undefined;

/** Once per run of the tests. */
export const buildServer = (): Promise<unknown> =>
  (built ??= build({
    entryPoints: {
      'compute-server': path.join(root, 'compute-server/main.ts'),
      cli: path.join(root, 'compute-server/cli/main.ts'),
    },
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node'],
    logLevel: 'error',
    define: { 'process.env.HEADSCOPE_VERSION': '"0.0.0-test"' },
    plugins: [
      {
        name: 'faulty-catalogue',
        setup(bundle) {
          bundle.onResolve({ filter: /kernels\/catalogue$/ }, () => ({
            path: path.join(__dirname, 'faulty-catalogue.ts'),
          }));
        },
      },
    ],
  }));

/** One folder for all tests of a run, so that the roof is measured once. */
const cache = mkdtempSync(path.join(tmpdir(), 'headscope-cache-'));

export const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  HEADSCOPE_CACHE_DIR: cache,
  ...more,
});

export const startClient = (
  options: Omit<ComputeClientOptions, 'start' | 'after'> = {},
  more: Readonly<Record<string, string>> = {},
): ComputeClient => computeClient(serverScript, environment(more), options);

type PlanChanges = Partial<Omit<BenchmarkPlan, 'shape'>> & { readonly shape?: Partial<BenchmarkPlan['shape']> };

/** A plan of a fraction of a second. */
export const smallPlan = ({ shape, ...changes }: PlanChanges = {}): BenchmarkPlan => ({
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

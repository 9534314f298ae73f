/** A real compute server with the real catalogue, for benches. */
import { bundleShipped } from '../../process/compute/support/bundle';
import { computeClient } from '../../../compute-server/cli/compute-process';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';

let built: ReturnType<typeof bundleShipped> | undefined;

export async function startServer(options: Parameters<typeof computeClient>[2] = {}): Promise<ComputeClient> {
  const { serverScript } = await (built ??= bundleShipped('bench-compute'));
  return computeClient(serverScript, process.env, options);
}

type PlanChanges = Partial<Omit<BenchmarkSetup, 'shape'>> & { readonly shape?: Partial<BenchmarkSetup['shape']> };

/** Runs one benchmark: all competitors interleaved in one process. Default shape: causal, 8 heads of 64, float32, cpu. */
export async function runBenchmark({ shape, ...changes }: PlanChanges): Promise<BenchmarkResult> {
  const client = await startServer();
  try {
    return await client.call('benchmark', [
      {
        mechanisms: [],
        baseline: 'fused',
        parameters: {},
        device: 'cpu',
        threads: 2,
        precision: 'float32',
        seed: 1,
        secondsPerLength: 30,
        measureMemory: true,
        ...changes,
        shape: {
          pattern: 'causal-self',
          batch: 1,
          heads: 8,
          kvHeads: 8,
          headDim: 64,
          valueDim: 64,
          lengths: [1024],
          ...shape,
        },
      },
    ]);
  } finally {
    client.dispose();
  }
}

/** The row of a mechanism at a length; throws with the row's reason when it was not measured. */
export function measuredRow(result: BenchmarkResult, mechanism: string, length: number): BenchmarkRow {
  const row = result.rows.find((each) => each.mechanism === mechanism && each.length === length);
  if (!row?.ok) throw new Error(`${mechanism} at ${length} was not measured: ${row?.reason ?? 'no row'}`);
  return row;
}

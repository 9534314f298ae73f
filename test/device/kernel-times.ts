/** The kernels of the catalogue on a device beside the cpu, by the compute server as it is shipped, and two against the roof. */
import type { BenchmarkRow, BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { ComputeClient } from '../../protocol/compute/client';
import { textTable } from '../../compute-server/cli/table';
import { beside, digits } from './words';

const baseline = 'scaled-dot-product';
/** Those whose share of the roof the issue asks for. */
const againstRoof = ['fused', 'tiled'];

/** Whether no kernel that ran is wrong. */
export async function kernelTimes(client: ComputeClient, device: string, length: number): Promise<boolean> {
  const mechanisms = (await client.call('mechanisms', [])).map(({ id }) => id);
  const setupOf = (id: string): BenchmarkSetup => ({
    mechanisms: mechanisms.filter((one) => one !== baseline),
    baseline,
    shape: {
      ...{ pattern: 'causal-self', batch: 1, heads: 4, kvHeads: 4, headDim: 64, valueDim: 64 },
      lengths: [length],
    },
    parameters: {},
    ...{ device: id, threads: 0, precision: 'float32', seed: 1, secondsPerLength: 4, measureMemory: false },
  });
  const [there, here] = [
    await client.call('benchmark', [setupOf(device)]),
    await client.call('benchmark', [setupOf('cpu')]),
  ];
  const rowOf = (rows: readonly BenchmarkRow[], id: string): BenchmarkRow | undefined =>
    rows.find(({ mechanism }) => mechanism === id);
  const short = (reason: string): string => (reason.length > 90 ? `${reason.slice(0, 89)}…` : reason);
  console.log(`kernels at ${length} tokens, 4 heads of 64, causal`);
  console.log(
    textTable(
      ['mechanism', 'ms (cpu, ratio)', 'largest error'],
      mechanisms.map((id) => {
        const [a, b] = [rowOf(there.rows, id), rowOf(here.rows, id)];
        if (a?.medianMs === undefined) {
          // It ran and was right; the roof was measured in a slower moment than the time.
          const state = a?.refusal === 'impossible' ? 'no time' : a?.refusal === 'wrong' ? 'WRONG' : 'not run';
          return [id, state, short(a?.reason ?? '')];
        }
        const error = a.maxError?.toExponential(1) ?? '';
        return [id, b?.medianMs === undefined ? digits(a.medianMs) : beside(a.medianMs, b.medianMs), error];
      }),
    ),
  );
  const { roof } = there;
  for (const id of againstRoof) {
    const { gflops, bandwidthGBs = 0, reason = 'it has no time' } = rowOf(there.rows, id) ?? {};
    if (gflops === undefined || !roof) console.log(`${id} against the roof: not run, ${reason}`);
    else {
      // The roof at its intensity: arithmetic, or the bytes that cross the memory.
      const reachable = Math.min(roof.peakGflops, (roof.peakBandwidthGBs * gflops) / Math.max(bandwidthGBs, 1e-9));
      console.log(
        `${id} against the roof: ${digits(gflops)} of ${digits(reachable)} GFLOP/s, ${digits((100 * gflops) / reachable)} %`,
      );
    }
  }
  const wrong = there.rows.filter(({ refusal }) => refusal === 'wrong');
  console.log(
    `${wrong.length === 0 ? 'no kernel' : wrong.map(({ mechanism }) => mechanism).join(', ')} is wrong there\n`,
  );
  return wrong.length === 0;
}

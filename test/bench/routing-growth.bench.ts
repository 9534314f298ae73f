import { powerFit } from '../../compute-server/harness/statistics/fits';
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { Bench } from './support/bench';
import { causalPlan, entrant, race } from './support/interleaved';

const heads = 2;
/** Their roots are whole. */
const lengths = [1024, 4096, 16384, 65536];

/**
 * The published n^1.5 is that of the operations. The time grows less: a cluster of 1,024 positions has 32 members, one of 65,536
 * has 256, and products of more rows run nearer to the machine's peak (computing time of one thread, AMD EPYC, 2026-11: 23 GFLOP/s
 * at 1,024 positions, 61 at 65,536, which makes an exponent of 1.23; copies and sums are linear besides).
 */
const bench: Bench = {
  name: 'Routed heads with the root of n clusters, 2 heads of 64, float32, cpu, 2 threads',
  onRequest: true,
  async run(report) {
    for (const pattern of ['causal-self', 'noncausal-self'] as const) {
      const plan: BenchmarkSetup = {
        ...causalPlan,
        secondsPerLength: 20,
        baseline: `${lengths[0]}`,
        shape: { ...causalPlan.shape, pattern, heads, kvHeads: heads },
      };
      const entrants = lengths.map((length) =>
        entrant(`${length}`, 'routing-transformer', plan, length, { clusters: Math.sqrt(length), localShare: 0 }),
      );
      const timed = await race(plan, entrants);
      const cells = entrants.map(({ cell }) => ({
        length: cell.length,
        ms: timed.medianMs(`${cell.length}`),
        flops: cell.mechanism.cost(cell.shape, cell.parameters).flops,
      }));
      const { exponent, r2 } = powerFit(cells.map(({ length, ms }) => [length, ms]));
      const defined = powerFit(cells.map(({ length, flops }) => [length, flops]));
      const rows = cells.map(
        ({ length, ms, flops }) => `${length}: ${ms.toFixed(1)} ms, ${(flops / ms / 1e6).toFixed(0)} GFLOP/s`,
      );
      report.figure({
        name: `routing-transformer, ${pattern}: exponent of the time from ${lengths[0]} to ${lengths.at(-1)} off 1.5`,
        value: Math.abs(exponent - 1.5),
        unit: 'of the exponent',
        target: 0.15,
        note: `${exponent.toFixed(2)} (R² ${r2.toFixed(3)}); of its operations ${defined.exponent.toFixed(2)}; ${rows.join('; ')}`,
      });
    }
  },
};

export default bench;

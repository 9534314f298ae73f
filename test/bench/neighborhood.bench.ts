import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { Bench } from './support/bench';
import { causalPlan, entrant, race } from './support/interleaved';

const side = 128;

const bench: Bench = {
  name: 'Neighbourhoods of 16 x 16 in 128 x 128 tokens, 8 heads of 64, float32, cpu, 2 threads, against full attention',
  async run(report) {
    const plan: BenchmarkSetup = {
      ...causalPlan,
      secondsPerLength: 6,
      shape: { ...causalPlan.shape, pattern: 'noncausal-self' },
    };
    const strides = [1, 8, 16];
    const timed = await race(plan, [
      entrant('fused', 'fused', plan, side * side),
      ...strides.map((stride) =>
        entrant(`stride ${stride}`, 'gna', plan, side * side, {
          rank: '2',
          width: side,
          strideHeight: stride,
          strideWidth: stride,
        }),
      ),
    ]);
    for (const stride of strides) {
      const ratio = timed.times('fused', `stride ${stride}`);
      report.figure({
        name: `time of fused over gna, stride ${stride} x ${stride}`,
        value: ratio.median,
        unit: 'times',
        target: 5,
        comparison: 'atLeast',
        note: ratio.note,
      });
    }
  },
};

export default bench;

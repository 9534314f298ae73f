import { catalogue } from '../../kernels/catalogue';
import type { AttentionPattern } from '../../protocol/results/benchmark';
import type { BenchmarkRow } from '../../protocol/results/benchmark-schema';
import type { Bench, Report } from './support/bench';
import { causalPlan } from './support/interleaved';
import { runBenchmark } from './support/server';

const baseline = 'scaled-dot-product';
const lengths = [512, 2048];

const bench: Bench = {
  name: 'Forward and backward passes, 8 heads of 64, float32, cpu, 2 threads, against plain attention (scaled-dot-product)',
  async run(report) {
    const causal = await timed(
      'causal-self',
      catalogue.map(({ id }) => id),
    );
    // What is not causal is timed without order.
    const others = [
      ...new Set(causal.filter(({ refusal }) => refusal === 'unsupported').map(({ mechanism }) => mechanism)),
    ];
    const free = others.length > 0 ? await timed('noncausal-self', others) : [];
    tell(
      report,
      causal.filter(({ mechanism }) => !others.includes(mechanism)),
      'causal-self',
    );
    tell(
      report,
      free.filter(({ mechanism }) => mechanism !== baseline),
      'noncausal-self',
    );
  },
};

async function timed(pattern: AttentionPattern, mechanisms: readonly string[]): Promise<readonly BenchmarkRow[]> {
  const { rows } = await runBenchmark({
    ...causalPlan,
    mechanisms,
    baseline,
    shape: { ...causalPlan.shape, pattern, lengths },
    // Each of the mechanisms has its share of the time of a length.
    secondsPerLength: 2 * Math.max(4, mechanisms.length),
    backward: true,
    measureMemory: false,
  });
  return rows;
}

function tell(report: Report, rows: readonly BenchmarkRow[], pattern: AttentionPattern): void {
  for (const { mechanism, length, medianMs, reason, backward } of rows) {
    const name = `forward and backward over forward of ${mechanism}, ${pattern}, ${length} positions`;
    if (medianMs === undefined || backward?.medianMs === undefined || backward.overForward === undefined) {
      report.notRun(name, backward?.reason ?? reason ?? 'it has no time');
      continue;
    }
    const { ratioToBaseline: ratio, maxError } = backward;
    const compared = ratio
      ? `plain attention's over its own: ${ratio.median.toFixed(2)}, 95 % from ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}; `
      : '';
    report.figure({
      name,
      value: backward.overForward,
      unit: 'times',
      note: `${compared}${medianMs.toPrecision(3)} and ${backward.medianMs.toPrecision(3)} ms, gradient error ${maxError?.toExponential(1)}`,
    });
  }
}

export default bench;

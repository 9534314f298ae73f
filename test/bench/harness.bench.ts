import { catalogue } from '../../kernels/catalogue';
import { random } from '../../kernels/tensors/random';
import { cellAt } from '../../compute-server/harness/cell';
import { feedsOf, inputsOf, sharedInputs } from '../../compute-server/harness/inputs';
import { ratioOfPairs } from '../../compute-server/harness/statistics/ratio';
import { interleave, pairs, type Series } from '../../compute-server/harness/timing';
import { openSession } from '../../compute-server/runtime/session';
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { Ratio } from '../../protocol/schema/parts';
import { verdict } from '../../protocol/results/verdict';
import type { Bench } from './support/bench';
import { startServer } from './support/server';

const lengths = [256, 1024, 2048];

/** The same kernel opened twice and timed as two competitors: what the harness itself adds. */
async function againstItself(length: number): Promise<Ratio> {
  const plan: BenchmarkSetup = {
    mechanisms: ['fused'],
    baseline: 'fused',
    parameters: {},
    device: 'cpu',
    threads: 2,
    precision: 'float32',
    seed: length,
    secondsPerLength: 10,
    measureMemory: false,
    shape: { pattern: 'causal-self', batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64, lengths: [length] },
  };
  const fused = catalogue.find((mechanism) => mechanism.id === plan.baseline)!;
  const cell = cellAt(fused, plan, length);
  const shared = sharedInputs(cell.shape, plan.seed, plan.precision);
  const feeds = feedsOf(cell, inputsOf(cell, shared, plan.seed, plan.precision), plan.seed, plan.precision);
  const graph = fused.build(cell.shape, cell.parameters, plan.precision);
  const sessions = await Promise.all([0, 1].map(() => openSession(graph, { device: 'cpu', threads: plan.threads })));
  const competitors = sessions.map((session, index) => {
    const bound = session.bind(feeds, ['output']);
    return { name: String(index), run: () => bound.run() };
  });
  const source = random(plan.seed);
  let series: readonly Series[] = [];
  for await (const after of interleave(competitors, {
    baseline: '0',
    seconds: plan.secondsPerLength,
    uniform: () => source.uniform(),
    signal: new AbortController().signal,
  })) {
    series = after;
  }
  for (const session of sessions) await session.release();
  return ratioOfPairs(...pairs(series[0]!, series[1]!));
}

const harness: Bench = {
  name: 'Measuring harness',
  async run(report) {
    let different = 0;
    for (const length of lengths) {
      const ratio = await againstItself(length);
      if (verdict(ratio) !== 'same') different++;
      report.figure({
        name: `the same kernel against itself, n = ${length}: deviation of the ratio from 1`,
        value: Math.abs(ratio.median - 1) * 100,
        unit: '%',
        target: 2,
        note: `95 % interval ${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}, p ${ratio.p.toPrecision(2)}`,
      });
    }
    report.figure({ name: `called different, of ${lengths.length}`, value: different, unit: '', target: 0 });

    const client = await startServer();
    try {
      for (const threads of [1, 2]) {
        const roof = await client.call('roof', ['cpu', threads]);
        report.figure({ name: `cpu, ${threads} threads: peak by GEMM`, value: roof.peakGflops, unit: 'GFLOP/s' });
        report.figure({
          name: `cpu, ${threads} threads: bandwidth by copy`,
          value: roof.peakBandwidthGBs,
          unit: 'GB/s',
        });
      }
    } finally {
      client.dispose();
    }
  },
};

export default harness;

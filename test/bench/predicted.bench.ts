import { median } from 'simple-statistics';
import { costOf } from '../../compute-server/harness/cell';
import { feedsOf, inputsOf, sharedInputs } from '../../compute-server/harness/inputs';
import { predictedMs } from '../../compute-server/harness/statistics/predicted-time';
import { calibrate } from '../../compute-server/devices/calibration';
import { openSession } from '../../compute-server/runtime/session';
import { catalogue } from '../../kernels/catalogue';
import { workOf } from '../../kernels/graph/work';
import type { Bench } from './support/bench';
import { causalPlan, entrant, type Entrant } from './support/interleaved';

const threads = 2;
const fewestRuns = 3;
const secondsEach = 0.3;
/** Larger cells would be slowed by the memory of this machine, not by their work. */
const mostBytes = 6e9;

interface Ratios {
  readonly median: number;
  readonly fastest: number;
}

/** Predicted over the median of the measured times, and over the fastest, which other work on the machine disturbs least. */
async function ratioOf({ cell, graph }: Entrant, rates: Awaited<ReturnType<typeof calibrate>>): Promise<Ratios> {
  const built = graph ?? cell.mechanism.build(cell.shape, cell.parameters, 'float32');
  const session = await openSession(built, { device: 'cpu', threads });
  const inputs = inputsOf(cell, sharedInputs(cell.shape, 1, 'float32'), 1, 'float32');
  const bound = session.bind(feedsOf(cell, inputs, 1, 'float32'), ['output']);
  await bound.run();
  const times: number[] = [];
  const from = performance.now();
  while (times.length < fewestRuns || performance.now() - from < secondsEach * 1000) {
    const start = performance.now();
    await bound.run();
    times.push(performance.now() - start);
  }
  await session.release();
  const predicted = predictedMs(workOf(built.model), rates);
  return { median: predicted / median(times), fastest: predicted / Math.min(...times) };
}

const bench: Bench = {
  name: 'Predicted against measured time, causal, 8 heads of 64, float32, cpu, 2 threads, every mechanism by its defaults',
  async run(report) {
    for (const length of [2048, 8192]) {
      const rates = await calibrate({ device: 'cpu', threads });
      const entrants = catalogue
        .map(({ id }) => entrant(id, id, causalPlan, length))
        .filter(
          ({ cell }) => cell.mechanism.supports(cell.shape, cell.parameters).ok && costOf(cell).peakBytes < mostBytes,
        );
      const ratios = new Map<string, Ratios>();
      for (const each of entrants) ratios.set(each.name, await ratioOf(each, rates));
      const all = [...ratios.values()].map(({ median }) => median);
      const fastest = [...ratios.values()].map((each) => each.fastest);
      const furthest = [...ratios]
        .map(([id, { median }]) => ({ id, median }))
        .sort((a, b) => Math.abs(Math.log(b.median)) - Math.abs(Math.log(a.median)))
        .slice(0, 3);
      report.figure({
        name: `median of |predicted / measured - 1| at ${length}`,
        value: 100 * median(all.map((ratio) => Math.abs(ratio - 1))),
        unit: '%',
        target: 30,
        comparison: 'atMost',
        note: `${all.length} mechanisms, median ratio ${median(all).toFixed(2)}, furthest ${furthest.map(({ id, median }) => `${id} ${median.toFixed(2)}`).join(', ')}; products ${rates.products.small.toFixed(0)} and ${rates.products.large.toFixed(0)} GFLOP/s, calibrated in ${rates.seconds.toFixed(1)} s`,
      });
      report.figure({
        name: `the same at ${length} against the fastest run of each`,
        value: 100 * median(fastest.map((ratio) => Math.abs(ratio - 1))),
        unit: '%',
        note: `median ratio ${median(fastest).toFixed(2)}`,
      });
    }
  },
};

export default bench;

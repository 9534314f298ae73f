import { catalogue } from '../../kernels/catalogue';
import type { BenchmarkRow } from '../../protocol/results/benchmark-schema';
import type { Bench, Report } from './support/bench';
import { causalPlan } from './support/interleaved';
import { runBenchmark, startServer } from './support/server';

const length = 512;
const baseline = 'scaled-dot-product';

const bench: Bench = {
  name: `Kernels on other devices than the cpu, causal, 4 heads of 64, ${length} positions, float32; inputs and outputs cross to the device`,
  // Minutes for each device: compiling shaders and proving gradients.
  onRequest: true,
  async run(report) {
    const client = await startServer();
    const devices = await client.call('devices', [{ roof: false }]).finally(() => client.dispose());
    const others = devices.filter(({ id }) => id !== 'cpu');
    let here: readonly BenchmarkRow[] | undefined;
    for (const { id, name, available, reason } of others) {
      if (!available) {
        report.notRun(`kernels on ${id}`, reason ?? `${name} does not work here`);
        continue;
      }
      here ??= await rowsOn('cpu');
      tell(report, id, await rowsOn(id), here);
    }
  },
};

async function rowsOn(device: string): Promise<readonly BenchmarkRow[]> {
  const { rows } = await runBenchmark({
    ...causalPlan,
    device,
    mechanisms: catalogue.map(({ id }) => id),
    baseline,
    shape: { ...causalPlan.shape, heads: 4, kvHeads: 4, lengths: [length] },
    secondsPerLength: 20,
    backward: true,
    measureMemory: false,
  });
  return rows;
}

/** Times on a device, those of the cpu beside them: two runs, so that their ratio has no test. */
function tell(report: Report, device: string, there: readonly BenchmarkRow[], here: readonly BenchmarkRow[]): void {
  for (const row of there) {
    const { mechanism, reason, maxError, backward } = row;
    const cpu = here.find((each) => each.mechanism === mechanism);
    for (const [pass, ms, cpuMs, error, why] of [
      ['forward', row.medianMs, cpu?.medianMs, maxError, reason],
      ['forward and backward', backward?.medianMs, cpu?.backward?.medianMs, backward?.maxError, backward?.reason],
    ] as const) {
      const name = `${pass} of ${mechanism} on ${device}`;
      if (ms === undefined) {
        report.notRun(name, why ?? reason ?? 'it has no time');
        continue;
      }
      const beside = cpuMs === undefined ? 'not timed' : `${cpuMs.toPrecision(3)} ms`;
      report.figure({ name, value: ms, unit: 'ms', note: `cpu: ${beside}; error ${error?.toExponential(1)}` });
    }
  }
}

export default bench;

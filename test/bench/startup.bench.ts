import { median } from 'simple-statistics';
import type { Bench } from './support/bench';
import { buildServer, smallPlan, startClient } from '../process/compute/support/server';
import { startServer } from './support/server';

const starts = 15;
const kills = 3;

/** From cancelling a run that cannot be interrupted to the answer of the next call by a new process. */
async function cancelOverdue(): Promise<number> {
  const client = startClient();
  const controller = new AbortController();
  let from = 0;
  const cancelled = client.call('benchmark', [smallPlan({ mechanisms: ['slow'], baseline: 'slow' })], {
    signal: controller.signal,
    onProgress(step) {
      if (from > 0 || step.kind !== 'stage' || !step.sentence.includes('proving')) return;
      from = performance.now();
      controller.abort();
    },
  });
  await cancelled.catch(() => undefined);
  await client.call('info', []);
  client.dispose();
  return performance.now() - from;
}

/** From forking the process to its `ready` message, and to the answer of the first call that needs the runtime. */
const startup: Bench = {
  name: 'Compute server',
  async run(report) {
    const ready: number[] = [];
    const answered: number[] = [];
    for (let start = 0; start < starts; start++) {
      let from = 0;
      const client = await startServer({
        onState(state) {
          if (state === 'ready') ready.push(performance.now() - from);
        },
      });
      from = performance.now();
      await client.call('info', []);
      answered.push(performance.now() - from);
      client.dispose();
    }
    const spread = (values: readonly number[]) =>
      `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} ms of ${values.length}`;
    report.figure({ name: 'start to ready', value: median(ready), unit: 'ms', target: 500, note: spread(ready) });
    report.figure({
      name: 'start to the first answer that needs onnxruntime',
      value: median(answered),
      unit: 'ms',
      note: spread(answered),
    });
    await buildServer();
    const stopped: number[] = [];
    for (let kill = 0; kill < kills; kill++) stopped.push(await cancelOverdue());
    report.figure({
      name: 'cancel of a run that cannot be interrupted: killed, restarted, next call answered',
      value: median(stopped),
      unit: 'ms',
      target: 2000,
      note: spread(stopped),
    });
  },
};

export default startup;

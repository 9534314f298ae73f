import { median } from 'simple-statistics';
import type { Bench } from './support/bench';
import { startServer } from './support/server';

const starts = 15;

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
      `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} ms in ${values.length} starts`;
    report.figure({ name: 'start to ready', value: median(ready), unit: 'ms', target: 500, note: spread(ready) });
    report.figure({
      name: 'start to the first answer that needs onnxruntime',
      value: median(answered),
      unit: 'ms',
      note: spread(answered),
    });
  },
};

export default startup;

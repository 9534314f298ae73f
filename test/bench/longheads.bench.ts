/**
 * Pass keys beyond the length that a model answers at, plainly and with LongHeads, prompt by prompt: accuracy at each length and
 * the paired difference with its 95 % interval. HEADSCOPE_LONGHEADS=form,n,seed,lengths… tries another form on other prompts,
 * e.g. `longheads:w=32,S=256;42;1000;1500`.
 */
import { runnerOf } from '../support/model-jobs';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { findsKey, passKeys } from '../../diagnostics/plans/longheads/pass-keys';
import { pairedProportions } from '../../diagnostics/shared/statistics/over-pictures';
import { parseDo } from '../../protocol/interventions/do-form';
import { shortDemoLm } from '../support/demo-models';
import type { Bench } from './support/bench';

const usual = 'longheads:w=64,S=512;210;0;400;1000;1500;2000';

const bench: Bench = {
  name: 'longheads',
  onRequest: true,
  async run(report) {
    const [form = '', count, seed, ...lengths] = (process.env['HEADSCOPE_LONGHEADS'] ?? usual).split(';');
    const read = parseDo(form);
    if (!read.ok) throw new RangeError(read.why);
    const model = await openModel(shortDemoLm, { device: 'cpu', threads: 1, limitBytes: 8e9 });
    const runner = runnerOf(model);
    for (const length of lengths.map(Number)) {
      const samples = await passKeys(runner, { count: Number(count), seed: Number(seed), length });
      let [plainly, far, more, fewer, seconds, plainSeconds] = [0, 0, 0, 0, 0, 0];
      for (const sample of samples) {
        const { variant } = await runner.variant([read.value], sample.prompt);
        const started = process.cpuUsage();
        const plain = await findsKey(runner, sample, []);
        const between = process.cpuUsage(started);
        const long = await findsKey(runner, sample, variant);
        const end = process.cpuUsage(started);
        plainSeconds += (between.user + between.system) / 1e6;
        seconds += (end.user + end.system - between.user - between.system) / 1e6;
        plainly += plain ? 1 : 0;
        far += long ? 1 : 0;
        more += long && !plain ? 1 : 0;
        fewer += plain && !long ? 1 : 0;
      }
      const n = samples.length;
      const { low, high } = pairedProportions(n, more, fewer);
      report.figure({
        name: `${form}: points above plain on pass keys of ${length} tokens`,
        value: (100 * (more - fewer)) / n,
        unit: 'points',
        ...(length === 1500 ? { target: 30, comparison: 'atLeast' as const } : {}),
        note: `${far} against ${plainly} of ${n}; 95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}; ${(seconds / n).toFixed(2)} s of computing a prompt, plainly ${(plainSeconds / n).toFixed(2)}`,
      });
    }
    await model.sessions.release();
  },
};
export default bench;

/** Headscope's side of a comparison: the runs of a model that analyses and generations make, in a process of its own. */
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { benchIds, serveSequence } from './sequence-messages';

serveSequence(async ({ path, threads, context, vocabulary, weights = 'as-stored' }) => {
  const model = await openModel(path, { device: 'cpu', threads, limitBytes: 8e9, weights });
  const { spec, sessions } = model;
  const ids = benchIds(context, vocabulary);
  /** Tokens with statistics go on in a sequence of their own: alternating in one would turn its cache to and fro. */
  const runs = new Map<boolean, SequenceRun>();
  let length = 0;
  const start = (): Promise<SequenceRun> =>
    SequenceRun.start(spec, sessions, { ids: ids.slice(0, length), chunk: 256, stepsAtOnce: true });
  return {
    async answer(request) {
      if (request.do === 'prefill') {
        runs.clear();
        ({ length } = request);
        const started = performance.now();
        const run = await start();
        const ms = [performance.now() - started];
        runs.set(false, run);
        return { ms, best: [bestOf(run.logits)], logProbabilities: logSoftmax(run.logits) };
      }
      const { statistics = false } = request;
      const run = runs.get(statistics) ?? (await start());
      runs.set(statistics, run);
      const [ms, best]: [number[], number[]] = [[], []];
      for (let token = 0; token < request.tokens; token++) {
        const before = performance.now();
        const { logits } = await run.extend([ids[run.length] ?? 0], { statistics });
        best.push(bestOf(logits));
        ms.push(performance.now() - before);
      }
      return { ms, best };
    },
    close: () => sessions.release(),
  };
});

function bestOf(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] ?? 0) > (logits[best] ?? 0)) best = id;
  return best;
}

function logSoftmax(logits: Float32Array): Float32Array {
  const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const sum = logits.reduce((total, value) => total + Math.exp(value - largest), 0);
  return logits.map((value) => value - largest - Math.log(sum));
}

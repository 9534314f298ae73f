/** Headscope's side of a comparison: the runs of a model that analyses and generations make, in a process of its own. */
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runPrompt } from '../../../compute-server/model/run/model-run';
import { benchIds, serveSequence } from './sequence-messages';

serveSequence(async ({ path, threads, context, vocabulary }) => {
  const model = await openModel(path, { device: 'cpu', threads, limitBytes: 8e9 });
  const { spec, sessions } = model;
  const ids = benchIds(context, vocabulary);
  let run: SequenceRun | undefined;
  const prefill = async (length: number, statistics: boolean): Promise<Float32Array> => {
    const sequence = { ids: ids.slice(0, length), chunk: 256 };
    run = undefined;
    if (!statistics) return (run = await SequenceRun.start(spec, sessions, sequence)).logits;
    const { logits } = await runPrompt(spec, sessions, { ...sequence, logits: 'last', statistics });
    if (!(logits?.data instanceof Float32Array)) throw new TypeError('the model gave no logits');
    return logits.data;
  };
  return {
    async answer({ statistics = false, ...request }) {
      const started = performance.now();
      if (request.do === 'prefill') {
        const logits = await prefill(request.length, statistics);
        const ms = [performance.now() - started];
        return { ms, best: [bestOf(logits)], logProbabilities: logSoftmax(logits) };
      }
      if (!run) throw new RangeError('no prompt was run');
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

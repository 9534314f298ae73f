/**
 * llama.cpp's side of a comparison, in a process of its own, with the settings that node-llama-cpp gives by default: flash
 * attention where it can, keys and values in float16, batches of 512.
 */
import { pathToFileURL } from 'node:url';
import { benchIds, serveSequence } from '../sequence-messages';

/** The part of node-llama-cpp 3.21 that is used: it is not there when this is compiled. */
interface Library {
  readonly getLlama: (options: object) => Promise<{
    readonly loadModel: (options: object) => Promise<{
      readonly createContext: (options: object) => Promise<{ readonly getSequence: () => Sequence }>;
    }>;
    readonly dispose: () => Promise<void>;
  }>;
}
interface Sequence {
  readonly nextTokenIndex: number;
  readonly clearHistory: () => Promise<void>;
  readonly eraseContextTokenRanges: (
    ranges: readonly { readonly start: number; readonly end: number }[],
  ) => Promise<void>;
  readonly controlledEvaluate: (
    tokens: readonly (number | readonly [number, object])[],
  ) => Promise<
    readonly (
      | { readonly next: { readonly token: number; readonly probabilities?: ReadonlyMap<number, number> } }
      | undefined
    )[]
  >;
}

serveSequence(async ({ path, threads, context: contextSize, vocabulary, library = '' }) => {
  const { getLlama } = (await import(pathToFileURL(library).href)) as Library;
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize, threads });
  const sequence = context.getSequence();
  const ids = benchIds(contextSize, vocabulary);
  const evaluate = async (tokens: readonly number[], probabilities = false) => {
    const wanted = { generateNext: { token: true, probabilities } };
    const answers = await sequence.controlledEvaluate([...tokens.slice(0, -1), [tokens.at(-1) ?? 0, wanted]]);
    const next = answers.at(-1)?.next;
    if (!next) throw new TypeError('llama.cpp gave no token');
    return next;
  };
  return {
    async answer(request) {
      const started = performance.now();
      if (request.do === 'prefill') {
        await sequence.clearHistory();
        // Probabilities come sorted, which takes a while: those of one more evaluation, after the time is taken.
        await evaluate(ids.slice(0, request.length));
        const ms = [performance.now() - started];
        await sequence.eraseContextTokenRanges([{ start: request.length - 1, end: request.length }]);
        const { token, probabilities } = await evaluate(ids.slice(request.length - 1, request.length), true);
        const log = Float32Array.from({ length: vocabulary }, (_, id) => Math.log(probabilities?.get(id) ?? 0));
        return { ms, best: [token], logProbabilities: log };
      }
      const [ms, best]: [number[], number[]] = [[], []];
      for (let count = 0; count < request.tokens; count++) {
        const before = performance.now();
        const { token } = await evaluate([ids[sequence.nextTokenIndex] ?? 0]);
        best.push(token);
        ms.push(performance.now() - before);
      }
      return { ms, best };
    },
    close: () => llama.dispose(),
  };
});

/** llama.cpp's answers on a GGUF file, for comparisons of numbers. */
import { pathToFileURL } from 'node:url';
import { installLlamaCpp } from './install';

/** The part of node-llama-cpp 3.21 that is used here; the package is not installed when this is compiled. */
interface Library {
  readonly getLlama: (options: object) => Promise<{
    readonly loadModel: (options: object) => Promise<Model>;
    readonly dispose: () => Promise<void>;
  }>;
}
interface Model {
  readonly tokenize: (text: string, specialTokens: boolean) => readonly number[];
  readonly createContext: (options: object) => Promise<{ readonly getSequence: () => Sequence }>;
  readonly dispose: () => Promise<void>;
}
interface Sequence {
  readonly controlledEvaluate: (
    tokens: readonly (number | readonly [number, object])[],
  ) => Promise<readonly ({ readonly next: { readonly probabilities?: ReadonlyMap<number, number> } } | undefined)[]>;
}

export interface SecondSource {
  /** log p of each token of the vocabulary after `ids`, with keys and values in float32. */
  readonly logProbabilities: (file: string, ids: readonly number[], vocabulary: number) => Promise<Float64Array>;
  /** Ids of each text, with nothing added. */
  readonly ids: (file: string, texts: readonly string[]) => Promise<readonly (readonly number[])[]>;
  readonly close: () => Promise<void>;
}

export async function llamaCpp(): Promise<SecondSource> {
  const { getLlama } = (await import(pathToFileURL(await installLlamaCpp()).href)) as Library;
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: 'disabled' });
  const opened = async <T>(options: object, use: (model: Model) => Promise<T> | T): Promise<T> => {
    const model = await llama.loadModel({ ...options, ignoreMemorySafetyChecks: true });
    try {
      return await use(model);
    } finally {
      await model.dispose();
    }
  };
  return {
    logProbabilities: (modelPath, ids, vocabulary) =>
      opened({ modelPath }, async (model) => {
        const exact = { flashAttention: false, experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' };
        const context = await model.createContext({ contextSize: 64, threads: 1, ...exact });
        const wanted = { generateNext: { token: true, probabilities: true } };
        const last = ids.at(-1) ?? 0;
        const answers = await context.getSequence().controlledEvaluate([...ids.slice(0, -1), [last, wanted]]);
        const probabilities = answers.at(-1)?.next.probabilities;
        return Float64Array.from({ length: vocabulary }, (_, id) => Math.log(probabilities?.get(id) ?? 0));
      }),
    ids: (modelPath, texts) =>
      opened({ modelPath, vocabOnly: true }, (model) => texts.map((text) => [...model.tokenize(text, false)])),
    close: () => llama.dispose(),
  };
}

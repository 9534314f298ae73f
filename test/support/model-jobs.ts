/** Runs the jobs of the compute server in the process of the test. */
import { ServerRunner } from '../../compute-server/runner/runner';
import type { LoadedModel } from '../../compute-server/model/checkpoint/loaded-model';
import type { Surroundings } from '../../compute-server/surroundings';

/** Without a folder for what is kept, and more memory than a tiny model needs. */
export const surroundingsOf = (changes: Partial<Surroundings> = {}): Surroundings => ({
  entry: '',
  cacheFolder: '',
  memoryLimit: 1e9,
  defaultThreads: 1,
  modelDevice: 'cpu',
  modelWeights: 'as-stored',
  keptWeightBytes: 0,
  log: () => {},
  ...changes,
});

/** What a job returns, its progress dropped. */
export async function resultOf<T>(job: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const step = await job.next();
    if (step.done) return step.value;
  }
}

export const runnerOf = (model: LoadedModel): ServerRunner =>
  new ServerRunner(model, model, surroundingsOf(), new AbortController().signal);

export const headsOf = ({ spec }: LoadedModel): readonly { readonly heads: number }[] =>
  spec.blocks.map(({ attention }) => attention!);

/** How well a trained network looks where the searcher looks. */
import { behaviouralDelta, behaviourOf, meanBehaviour, sequenceScore } from '../../../kernels/modules/oat/scanpath';
import type { Network } from '../../../kernels/training/network';
import type { Measures } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import { answersOf, batchSize, end, gazeBatch, steps } from './network';
import { count, type Scene } from './searcher';
import { mean } from '../../../kernels/tensors/vectors';

export const measureNames = { accuracy: 'accuracy', mass: 'mass', sequence: 'sequence', delta: 'delta' } as const;

/** [scenes][steps][P + 1] */
type Shares = readonly (readonly (readonly number[])[])[];

async function sharesOf(
  trainer: Trainer,
  network: Network,
  learned: Parameters,
  scenes: readonly Scene[],
  features: readonly Float64Array[],
  paths?: readonly (readonly number[])[],
): Promise<Shares> {
  const { outputs } = await trainer.forward(network, learned, gazeBatch(scenes, features, paths));
  const data = outputs['shares']?.data ?? [];
  return scenes.map((_, at) =>
    Array.from({ length: steps }, (_s, step) => {
      const from = (at * steps + step) * (count + 1);
      return Array.from(data.slice(from, from + count + 1), Number);
    }),
  );
}

/** The likeliest object at each step until the end, which cannot come first. */
export async function greedyPaths(
  trainer: Trainer,
  network: Network,
  learned: Parameters,
  scenes: readonly Scene[],
  features: readonly Float64Array[],
): Promise<readonly (readonly number[])[]> {
  const paths = scenes.map((): number[] => []);
  const ended = scenes.map(() => false);
  for (let step = 0; step < steps; step++) {
    const shares = await sharesOf(trainer, network, learned, scenes, features, paths);
    paths.forEach((path, at) => {
      if (ended[at]) return;
      const row = (shares[at]?.[step] ?? []).slice(0, step === 0 ? count : count + 1);
      const next = row.indexOf(Math.max(...row));
      if (next === end) ended[at] = true;
      else path.push(next);
    });
  }
  return paths;
}

export async function gazeMeasures(
  trainer: Trainer,
  network: Network,
  learned: Parameters,
  test: readonly Scene[],
  features: readonly Float64Array[],
): Promise<Measures> {
  const right: number[] = [];
  const mass: number[] = [];
  for (let first = 0; first < test.length; first += batchSize) {
    const some = test.slice(first, first + batchSize);
    const shares = await sharesOf(trainer, network, learned, some, features);
    some.forEach((scene, at) =>
      answersOf(scene).forEach((answer, step) => {
        const row = shares[at]?.[step] ?? [];
        right.push(row.indexOf(Math.max(...row)) === answer ? 1 : 0);
        mass.push(row[answer] ?? 0);
      }),
    );
  }
  const some = test.slice(0, batchSize);
  const paths = await greedyPaths(trainer, network, learned, some, features);
  const own = some.map(({ path }) => path.slice(0, steps));
  const behaviour = (of: readonly (readonly number[])[]) =>
    meanBehaviour(of.map((path, at) => behaviourOf(path, some[at]?.target ?? 0)));
  return {
    [measureNames.accuracy]: mean(right),
    [measureNames.mass]: mean(mass),
    [measureNames.sequence]: mean(paths.map((path, at) => sequenceScore(path, own[at] ?? []))),
    [measureNames.delta]: behaviouralDelta(behaviour(paths), behaviour(own)),
  };
}

/** Pointer at each step of one scene along the path of the searcher. */
export async function pointerOf(
  trainer: Trainer,
  network: Network,
  learned: Parameters,
  test: readonly Scene[],
  features: readonly Float64Array[],
): Promise<readonly (readonly number[])[]> {
  const [shares] = await sharesOf(trainer, network, learned, test.slice(0, batchSize), features);
  return shares ?? [];
}

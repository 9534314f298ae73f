/** The experiment `toy-gaze`: a scripted searcher is learned by OAT with several codes of places. */
import { oat } from '../../../kernels/modules/oat/oat';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters, type TrainedArm } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { glorot } from '../../shared/training/module-network';
import type { Trainer } from '../../model-runner/trainer';
import { gazeMeasures, greedyPaths, pointerOf } from './measure';
import { answersOf, batchSize, gazeBatch, gazeNetwork, half, type GazeForm } from './network';
import { toyGazeResult, type ToyGazeResult } from './result';
import { drawScene, kindFeatures, kindName, nearestSimilar, type Scene, type Searcher } from './searcher';
import { finding, sections, weights } from './sections';

const testScenes = 48;

export const gazeArms: readonly (GazeForm & { readonly id: string; readonly title: string })[] = [
  { id: 'matched', title: 'Distance-matched', positions: 'distance-matched', targetPlace: 'hidden' },
  { id: 'sinusoidal', title: 'Sinusoidal', positions: 'sinusoidal', targetPlace: 'hidden' },
  { id: 'none', title: 'No positions', positions: 'none', targetPlace: 'hidden' },
  { id: 'given', title: 'Distance-matched, place given', positions: 'distance-matched', targetPlace: 'given' },
];

export const toyGaze = experiment<ArmsParameters, ToyGazeResult>({
  id: 'toy-gaze',
  title: 'Gaze of a scripted searcher',
  question: 'Does a code of places that knows distance help to predict where a searcher looks next?',
  source: {
    reference: 'Fang et al. 2024, arXiv:2407.13335',
    trust: 'medium',
    note: 'The network is that of OAT behind its CNN, smaller. Scenes and searcher are choices of Headscope; no data of people are used.',
  },
  parameters: armsFields({ steps: 250, seeds: 2 }),
  result: toyGazeResult,
  estimate: () => ({ bytes: 4 * batchSize * 25 * 64 * 200 }),
  training,
  finding,
  sections,
  weights,
});

function training(bench: Workbench, job: AnalysisJob<ArmsParameters>): ArmsTraining<ToyGazeResult> {
  const context = gazeContext(bench.trainer, job.seed);
  return {
    arms: gazeArms.map((arm) => gazeArm(arm, context)),
    facts: {},
    size: { layers: 2, heads: 4, headDim: 16, hiddenSize: 2 * half },
    config: { module: oat.id },
    after: ({ trained }) => shownOf(trained, context),
  };
}

async function shownOf(
  trained: readonly TrainedArm[],
  { trainer, test, features }: GazeContext,
): Promise<Partial<ToyGazeResult>> {
  const [scene] = test;
  if (!scene) return {};
  const predicted = [];
  let pointer: readonly (readonly number[])[] = [];
  for (const { id } of gazeArms) {
    const own = trained.find(({ arm }) => arm.id === id);
    if (!own) continue;
    const given = [trainer, own.arm.network, own.parameters, test.slice(0, batchSize), features] as const;
    const [path = []] = await greedyPaths(...given);
    predicted.push({ arm: id, path });
    if (pointer.length === 0) pointer = (await pointerOf(...given)).slice(0, answersOf(scene).length);
  }
  return {
    shown: { objects: scene.kinds.map(kindName), target: scene.target, path: scene.path, predicted, pointer },
  };
}

interface GazeContext {
  readonly trainer: Trainer;
  readonly test: readonly Scene[];
  readonly features: readonly Float64Array[];
  readonly searcher: Searcher;
}

export function gazeContext(trainer: Trainer, seed: number, searcher: Searcher = nearestSimilar): GazeContext {
  const source = random(seedFor(seed, 'test scenes'));
  const test = Array.from({ length: testScenes }, () => drawScene(source, searcher));
  return { trainer, test, features: kindFeatures(half, seed), searcher };
}

export function gazeArm(
  { id, title, ...form }: (typeof gazeArms)[number],
  { trainer, test, features, searcher }: GazeContext,
): Arm {
  const network = gazeNetwork(title, form);
  return {
    id,
    title,
    network,
    training: (seed) => ({
      initial: {
        ...glorot(network.parameters, seed),
        ...Object.fromEntries(
          Object.entries(network.parameters).flatMap(([name, [size = 0]]) =>
            /norm\d\.weight$/u.test(name) ? [[name, new Float32Array(size).fill(1)]] : [],
          ),
        ),
      },
      batch: (_step, source) =>
        gazeBatch(
          Array.from({ length: batchSize }, () => drawScene(source, searcher)),
          features,
        ),
      measure: (learned) => gazeMeasures(trainer, network, learned, test, features),
      rate: { peak: 0.0015, warmUp: 50, shape: 'cosine' },
      adam: { clip: 1 },
    }),
  };
}

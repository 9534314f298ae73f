/** The experiment `toy-lanes`: shapes learned task by task by a frozen transformer with pathways, and what is forgotten. */
import { layerMultiplyAdds } from '../../../kernels/modules/multi-lane/lane';
import { multiLane, networkReference } from '../../../kernels/modules/multi-lane/network';
import { random, seedFor } from '../../../kernels/tensors/random';
import { tensor } from '../../../kernels/tensors/tensor';
import type { Tensors } from '../../../kernels/module';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob, Step } from '../../analysis';
import type { Experiment, Workbench } from '../../experiment';
import { ranked } from '../../shared/statistics/ranking';
import { armsFields, type ArmsParameters } from '../../shared/training/arms';
import { curvesOf } from '../../shared/training/curves';
import { shapes, type ShapePicture } from '../../shared/training/shapes';
import { train, trainingSentence, type Training } from '../../shared/training/train';
import type { Parameters } from '../../model-runner/trainer';
import { backboneNetwork, backboneStart, batchSize, laneBatch, laneNetwork, laneParameters, side } from './network';
import { toyLanesResult, type LaneMap, type LaneRun, type ToyLanesResult } from './result';
import { finding, sections } from './sections';
import { drawPicture, laneArms, learnTasks, testPictures, type Learned, type Tasks } from './stages';
import { mean } from '../../../kernels/tensors/vectors';
import * as field from '../../../kernels/parameters';

type ToyParameters = ArmsParameters & {
  readonly tasks: string;
  readonly selectors: number;
  readonly prompts: number;
  readonly backboneSteps: number;
};

const usual = armsFields({ steps: 40, seeds: 2 });

const parameters: ParameterTable<ToyParameters> = {
  tasks: field.choice('Tasks', 'Eight kinds of shapes, learned in so many groups one after the other.', {
    options: ['2', '4'],
    default: '4',
  }),
  selectors: field.integer('Selectors', 'G of a pathway.', { min: 1, max: 20, default: 4 }),
  prompts: field.integer('Prompts', 'p keys and values of a pathway in the first two layers.', {
    min: 1,
    max: 20,
    default: 4,
  }),
  backboneSteps: field.integer(
    'Steps of the transformer',
    'Steps of its training on pictures of all shapes, 16 in a step; it is frozen afterwards.',
    { min: 1, max: 100_000, default: 250 },
  ),
  ...usual,
  steps: { ...usual.steps, description: 'Steps for each task, 16 pictures each.' },
};

const classes = shapes.length;

export const toyLanes: Experiment<ToyParameters, ToyLanesResult> = {
  id: 'toy-lanes',
  title: 'Pathways for tasks',
  question: 'Do pathways of their own keep what was learned, where one shared pathway or a chosen one forgets?',
  group: 'training',
  source: {
    reference: 'De Min et al. 2024, arXiv:2405.15633',
    trust: 'high',
    note: 'Selectors, prompts, drop and replace, the masked losses and the copies for new tasks are those of MULTI-LANE. The pictures, the sizes and the transformer, which has seen all shapes as a published one has seen ImageNet, are choices of Headscope; keys are means of frozen features.',
  },
  trains: true,
  inputs: ['none'],
  parameters,
  result: toyLanesResult,
  // Activations of a batch and their gradients, in float32.
  estimate: ({ selectors }) => ({ bytes: 4 * batchSize * 4 * (17 + selectors) * 64 * 60 }),
  run,
  finding,
  sections,
};

async function* run(
  bench: Workbench,
  job: AnalysisJob<ToyParameters>,
): AsyncGenerator<Step<ToyLanesResult>, ToyLanesResult> {
  const { selectors, prompts, steps, seeds, backboneSteps } = job.parameters;
  const tasks: Tasks = { tasks: Number(job.parameters.tasks), classes, selectors, prompts };
  const { trainer } = bench;
  const network = backboneNetwork(tasks);
  const test = Array.from({ length: testPictures }, (_, at) =>
    drawPicture(tasks, undefined, random(seedFor(job.seed, `test ${at}`))),
  );
  const total = backboneSteps + seeds * steps * (2 * tasks.tasks - 1);
  const facts = { tasks: tasks.tasks, classes, selectors };
  const running = train(trainer, job.step, {
    key: 'the transformer',
    network,
    initial: backboneStart(tasks, job.seed),
    steps: backboneSteps,
    seed: job.seed,
    rate: { peak: 0.003, warmUp: Math.min(20, backboneSteps), shape: 'cosine' },
    adam: { clip: 1 },
    batch: (_at, source) =>
      laneBatch(
        Array.from({ length: batchSize }, () => drawPicture(tasks, undefined, source)),
        classes,
        [0, classes],
      ),
  });
  let next = await running.next();
  for (; !next.done; next = await running.next()) {
    const { value } = next;
    const partial = value.step > 0 ? { partial: { ...facts, backbone: curvesOf(value) } } : {};
    yield { sentence: trainingSentence(value, 'the transformer'), done: value.step, total, ...partial };
  }
  const backbone = next.value.parameters;
  const known: ToyLanesResult = {
    ...facts,
    backbone: curvesOf(next.value),
    ceiling: await ceilingOf(bench, network, backbone, test),
    cost: costOf(tasks),
  };
  const runs: LaneRun[] = [];
  let first: Learned | undefined;
  let done = backboneSteps;
  const lane = laneNetwork(tasks);
  for (let run = 0; run < seeds; run++) {
    const seed = seedFor(job.seed, `run ${run}`);
    const name = `run ${run + 1} of ${seeds}`;
    const learning = learnTasks(
      { trainer, step: job.step, tasks, network: lane, backbone, test },
      { seed, steps, name },
    );
    let stage = await learning.next();
    let before: Training | undefined;
    for (; !stage.done; stage = await learning.next()) {
      const { training, title } = stage.value;
      // Each stage begins at step 0; the last checkpoint of the one before is not yielded.
      if (training.step === 0 && before) done += steps;
      before = training;
      yield {
        sentence: trainingSentence(training, `${name}: ${title}`),
        done: done + training.step,
        total,
        partial: { ...known, ...(runs.length > 0 ? { runs: [...runs] } : {}) },
      };
    }
    done += steps;
    const learned = stage.value;
    first ??= learned;
    for (const { id } of laneArms) {
      runs.push({ seed, arm: id, precision: learned.precision[id], forgetting: learned.forgetting[id] });
    }
  }
  const pathways = first?.pathways ?? [];
  const shown = test[0];
  const folder = await bench.networks({
    size: { layers: 4, heads: 4, headDim: 16, hiddenSize: 64 },
    config: { module: multiLane.id, tasks: tasks.tasks },
    weights: Object.fromEntries(
      pathways.map((pathway, task) => [`task-${task + 1}`, filesOf(tasks, { ...backbone, ...pathway })]),
    ),
  });
  return {
    ...known,
    runs,
    ...(shown
      ? {
          maps: mapsOf(tasks, backbone, pathways, shown),
          shown: shown.placed.map(({ shape }) => shapes[shape]?.name ?? ''),
        }
      : {}),
    folder,
  };
}

async function ceilingOf(
  { trainer }: Workbench,
  network: ReturnType<typeof backboneNetwork>,
  backbone: Parameters,
  test: readonly ShapePicture[],
): Promise<number> {
  const scores: number[][] = [];
  for (let first = 0; first < test.length; first += batchSize) {
    const { outputs } = await trainer.forward(
      network,
      backbone,
      laneBatch(test.slice(first, first + batchSize), classes, [0, classes]),
    );
    const { data = [] } = outputs['logits'] ?? {};
    for (let at = 0; at < batchSize; at++)
      scores.push(Array.from(data.slice(at * classes, (at + 1) * classes), Number));
  }
  return mean(
    shapes.map(
      (_, c) =>
        ranked(
          scores.map((row) => row[c] ?? 0),
          test.map(({ placed }) => placed.some(({ shape }) => shape === c)),
        )?.averagePrecision ?? Number.NaN,
    ),
  );
}

/** Multiply-adds of one picture, as the module counts them. */
function costOf(tasks: Tasks): NonNullable<ToyLanesResult['cost']> {
  const of = (count: number): number =>
    multiLane.cost({ ...laneParameters({ ...tasks, classes: 2 }, 1), tasks: count, cached: true }).multiplyAdds;
  const tokens = 17;
  return [1, 2, 4, 8, 16].map((count) => ({
    tasks: count,
    lanes: of(count),
    passes: count * 4 * (layerMultiplyAdds(tokens, 64) + (2 * tokens * tasks.prompts * 64) / 2),
  }));
}

function filesOf(tasks: Tasks, weights: Parameters) {
  return Object.fromEntries(
    multiLane
      .weights(laneParameters(tasks))
      .map(({ name, shape }) => [name, { shape, data: weights[name] ?? new Float32Array(0) }] as const),
  );
}

/** W of the selectors of each task over the patches of the picture, in the first layer. */
function mapsOf(
  tasks: Tasks,
  backbone: Parameters,
  pathways: readonly Parameters[],
  { pixels }: ShapePicture,
): readonly LaneMap[] {
  const picture = tensor([1, 3, side, side], Float64Array.from(pixels));
  return pathways.flatMap((pathway, task) => {
    const weights: Tensors = Object.fromEntries(
      Object.entries(filesOf(tasks, { ...backbone, ...pathway })).map(([name, { shape, data }]) => [
        name,
        tensor(shape, Float64Array.from(data)),
      ]),
    );
    const { maps } = networkReference(picture, weights, laneParameters(tasks, 1));
    const map = maps.at(-1)?.[0];
    if (!map) return [];
    const n = map.shape[2] ?? 0;
    const grid = Math.round(Math.sqrt(n - 1));
    return Array.from({ length: Math.min(2, tasks.selectors) }, (_, selector) => ({
      title: `Task ${task + 1}, selector ${selector + 1}`,
      values: Array.from({ length: grid }, (_row, row) =>
        Array.from({ length: grid }, (_column, column) => map.data[selector * n + 1 + row * grid + column] ?? 0),
      ),
    }));
  });
}

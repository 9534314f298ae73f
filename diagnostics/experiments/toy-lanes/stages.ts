/** Tasks learned one after the other by pathways, and what is still known of the earlier ones. */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import type { Network } from '../../../kernels/training/network';
import { sample } from '../../tasks/draft';
import { ranked } from '../../shared/statistics/ranking';
import { drawShapes, someShapes, type ShapePicture } from '../../shared/training/shapes';
import { train, type Training } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import type { AnalysisJob } from '../../analysis';
import { batchSize, cells, heldBatch, laneBatch, laneStart, shapesOfPicture, side, type LaneSize } from './network';
import { mean } from '../../../kernels/tensors/vectors';

/** How a task's classes are scored: each by its own pathway, all by the pathway that the picture's key chooses, or all by one. */
export const laneArms = [
  { id: 'lanes', title: 'A pathway for each task' },
  { id: 'chosen', title: 'One pathway, chosen by key' },
  { id: 'shared', title: 'One shared pathway' },
] as const;
export type LaneArm = (typeof laneArms)[number]['id'];

export const testPictures = 128;

export interface Tasks extends LaneSize {
  readonly tasks: number;
}

/** Classes of task t. */
export const classesOf = ({ classes, tasks }: Tasks, task: number): readonly [number, number] => [
  (task * classes) / tasks,
  ((task + 1) * classes) / tasks,
];

/** A picture with at least one shape of the task (of any, where none is named). */
export function drawPicture(tasks: Tasks, task: number | undefined, source: Random): ShapePicture {
  const own = task === undefined ? [0, tasks.classes] : classesOf(tasks, task);
  const [first = 0] = sample(source, range(own[0] ?? 0, own[1] ?? 0), 1);
  const others = someShapes(tasks.classes, shapesOfPicture, source).filter((shape) => shape !== first);
  return drawShapes({ side, cells, noise: 0.05 }, [first, ...others].slice(0, shapesOfPicture), source);
}

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, at) => from + at);

export interface LaneContext {
  readonly trainer: Trainer;
  readonly step: AnalysisJob<never>['step'];
  readonly tasks: Tasks;
  readonly network: Network;
  readonly backbone: Parameters;
  readonly test: readonly ShapePicture[];
}

export interface Learned {
  /** By task. */
  readonly pathways: readonly Parameters[];
  /** By arm: mean average precision of the classes so far, after each task. */
  readonly precision: Readonly<Record<LaneArm, readonly number[]>>;
  /** By arm: mean over the tasks before the last of the precision right after the task less that at the end. */
  readonly forgetting: Readonly<Record<LaneArm, number>>;
}

/** Trains all tasks of one run; yields each checkpoint with its name. */
export async function* learnTasks(
  context: LaneContext,
  { seed, steps, name }: { readonly seed: number; readonly steps: number; readonly name: string },
): AsyncGenerator<{ readonly training: Training; readonly title: string }, Learned> {
  const { trainer, step, tasks, network, backbone } = context;
  const held = heldBatch(tasks, backbone);
  const pathways: Parameters[] = [];
  const keys: Float64Array[] = [];
  let shared = laneStart(tasks, seed);
  let lane = shared;
  const byTask: Record<LaneArm, number[][]> = { lanes: [], chosen: [], shared: [] };
  for (let task = 0; task < tasks.tasks; task++) {
    const own = classesOf(tasks, task);
    const stage = async function* (key: string, initial: Parameters) {
      const running = train(trainer, step, {
        key: `${name}, ${key}, task ${task + 1}`,
        network,
        initial,
        steps,
        seed: seedFor(seed, `task ${task}`),
        rate: { peak: 0.02, warmUp: Math.min(10, steps), shape: 'cosine' },
        adam: { clip: 1 },
        batch: (_at, source) => ({
          ...laneBatch(
            Array.from({ length: batchSize }, () => drawPicture(tasks, task, source)),
            tasks.classes,
            own,
          ),
          ...held,
        }),
      });
      for (;;) {
        const next = await running.next();
        if (next.done) return next.value.parameters;
        yield { training: next.value, title: `${key}, task ${task + 1} of ${tasks.tasks}` };
      }
    };
    // A new task starts from the pathway of the one before; of one shared pathway the same is all there is.
    lane = yield* stage('a pathway for each task', lane);
    pathways.push(lane);
    if (task === 0) shared = lane;
    else shared = yield* stage('one shared pathway', shared);
    keys.push(await keyOf(context, held, lane, task, seed));
    const scores = await scoresOf(context, held, [...pathways], shared, keys);
    for (const { id } of laneArms) {
      byTask[id].push(range(0, task + 1).map((of) => precisionOf(context, scores[id], classesOf(tasks, of))));
    }
  }
  const each = <T>(of: (arm: LaneArm) => T): Record<LaneArm, T> => ({
    lanes: of('lanes'),
    chosen: of('chosen'),
    shared: of('shared'),
  });
  return {
    pathways,
    precision: each((arm) => byTask[arm].map(mean)),
    forgetting: each((arm) => {
      const end = byTask[arm].at(-1) ?? [];
      return mean(range(0, tasks.tasks - 1).map((of) => (byTask[arm][of]?.[of] ?? 0) - (end[of] ?? 0)));
    }),
  };
}

/** [pictures][classes] */
type Scores = readonly (readonly number[])[];

async function forward(
  { trainer, tasks, network }: LaneContext,
  held: ReturnType<typeof heldBatch>,
  parameters: Parameters,
  pictures: readonly ShapePicture[],
): Promise<{ readonly logits: Scores; readonly frozen: Scores }> {
  const logits: number[][] = [];
  const frozen: number[][] = [];
  for (let first = 0; first < pictures.length; first += batchSize) {
    const batch = {
      ...laneBatch(pictures.slice(first, first + batchSize), tasks.classes, [0, tasks.classes]),
      ...held,
    };
    const { outputs } = await trainer.forward(network, parameters, batch);
    const rows = (name: string): number[][] => {
      const { data = [], shape = [] } = outputs[name] ?? {};
      const width = shape[1] ?? 0;
      return Array.from({ length: shape[0] ?? 0 }, (_, at) =>
        Array.from(data.slice(at * width, (at + 1) * width), Number),
      );
    };
    logits.push(...rows('logits'));
    frozen.push(...rows('frozen'));
  }
  return { logits, frozen };
}

/** Mean frozen feature of pictures of the task, unit length. */
async function keyOf(
  context: LaneContext,
  held: ReturnType<typeof heldBatch>,
  lane: Parameters,
  task: number,
  seed: number,
): Promise<Float64Array> {
  const source = random(seedFor(seed, `key ${task}`));
  const pictures = Array.from({ length: 2 * batchSize }, () => drawPicture(context.tasks, task, source));
  const { frozen } = await forward(context, held, lane, pictures);
  return unit((frozen[0] ?? []).map((_, c) => mean(frozen.map((row) => row[c] ?? 0))));
}

const unit = (row: readonly number[]): Float64Array => {
  const length = Math.hypot(...row);
  return Float64Array.from(row, (value) => value / length);
};

async function scoresOf(
  context: LaneContext,
  held: ReturnType<typeof heldBatch>,
  pathways: readonly Parameters[],
  shared: Parameters,
  keys: readonly Float64Array[],
): Promise<Readonly<Record<LaneArm, Scores>>> {
  const { tasks, test } = context;
  // The classifier is shared: its rows of a task are those that the task left, in every pathway.
  const head = pathways.at(-1) ?? {};
  const seen: Awaited<ReturnType<typeof forward>>[] = [];
  for (const pathway of pathways) {
    const one = {
      ...pathway,
      'head.weight': head['head.weight'] ?? new Float32Array(0),
      'head.bias': head['head.bias'] ?? new Float32Array(0),
    };
    seen.push(await forward(context, held, one, test));
  }
  const ofTask = (c: number): number => Math.floor((c * tasks.tasks) / tasks.classes);
  const chosen = test.map((_, at) => {
    const feature = unit(seen[0]?.frozen[at] ?? []);
    const near = keys.map((key) => key.reduce((sum, value, c) => sum + value * (feature[c] ?? 0), 0));
    return near.indexOf(Math.max(...near));
  });
  const scores = (pathway: (at: number, c: number) => number): Scores =>
    test.map((_, at) => Array.from({ length: tasks.classes }, (_c, c) => seen[pathway(at, c)]?.logits[at]?.[c] ?? 0));
  return {
    lanes: scores((_at, c) => Math.min(ofTask(c), pathways.length - 1)),
    chosen: scores((at) => chosen[at] ?? 0),
    shared: (await forward(context, held, shared, test)).logits,
  };
}

/** Mean over classes of the average precision over the test pictures. */
function precisionOf({ test }: LaneContext, scores: Scores, [from, to]: readonly [number, number]): number {
  return mean(
    range(from, to).map(
      (c) =>
        ranked(
          scores.map((row) => row[c] ?? 0),
          test.map(({ placed }) => placed.some(({ shape }) => shape === c)),
        )?.averagePrecision ?? Number.NaN,
    ),
  );
}

/**
 * Arms of an experiment: networks that are compared with one another, each trained from several seeds. Runs go seed by seed, so that a
 * comparison of all arms is there after the first seed; arms of one seed draw the same batches where their `batch` takes only the
 * generator. Every checkpoint is kept, so that a run which was cancelled goes on behind the last one (`train.ts`).
 */
import type { Output } from '../../../protocol/schema/check';
import { parameterCount, type Network } from '../../../kernels/training/network';
import { seedFor } from '../../../kernels/tensors/random';
import type { Parameter } from '../../../protocol/analysis/parameters';
import { count, list, number, object, text } from '../../../protocol/schema/fields';
import type { AnalysisJob } from '../../analysis';
import { folderField, type NetworkFiles, type Workbench } from '../../experiment';
import { meanInterval, type Interval } from '../statistics/proportion';
import { curvesOf, curvesSchema } from './curves';
import { train, trainingSentence, type TrainingSetup } from './train';
import type { Parameters } from '../../model-runner/trainer';
import * as field from '../../../kernels/parameters';

export interface Arm {
  /** Unique; names the file of its weights. */
  readonly id: string;
  readonly title: string;
  readonly network: Network;
  /** How it is trained from one seed: what it starts from, its batches, what is measured at a checkpoint. */
  training(seed: number): Pick<TrainingSetup, 'initial' | 'batch' | 'measure' | 'rate' | 'adam'>;
}

export interface ArmsSetup {
  /** The first is what the others are compared with. */
  readonly arms: readonly [Arm, ...Arm[]];
  /** Runs of each arm. */
  readonly seeds: number;
  readonly steps: number;
  /** The seed of the job: the seeds of the runs are drawn from it. */
  readonly seed: number;
  /** Steps between two checkpoints. Default: a twentieth of the steps. */
  readonly every?: number;
}

const armInfoSchema = object({
  id: text,
  title: text,
  /** Trained numbers. */
  parameters: count,
});
type ArmInfo = Output<typeof armInfoSchema>;

const armRun = object({
  /** Id of its arm. */
  arm: text,
  seed: number,
  /** Measures at checkpoints; the last is that of the trained network. */
  curves: curvesSchema,
});
export type ArmRun = Output<typeof armRun>;

/** Plain data: a field of the result of an experiment. */
export const armsResult = object({
  arms: list(armInfoSchema),
  /** Steps of each run. */
  steps: count,
  /** Runs that have ended, and the one that is being trained. */
  runs: list(armRun),
});
export type ArmsResult = Output<typeof armsResult>;

export interface TrainedArm {
  readonly arm: Arm;
  readonly seed: number;
  readonly parameters: Parameters;
}

export interface TrainedArms {
  readonly result: ArmsResult;
  /** In the order in which they were trained: all arms of the first seed, then all of the second. */
  readonly trained: readonly TrainedArm[];
}

/** Where the trainings stand: a step of a run, without its partial result, which the experiment makes of `result`. */
export interface ArmsStep {
  readonly sentence: string;
  /** Steps of training done and in all. */
  readonly done: number;
  readonly total: number;
  readonly result: ArmsResult;
}

const armInfo = ({ id, title, network }: Arm): ArmInfo => ({ id, title, parameters: parameterCount(network) });

export async function* trainArms(
  { trainer }: Pick<Workbench, 'trainer'>,
  step: AnalysisJob<never>['step'],
  setup: ArmsSetup,
): AsyncGenerator<ArmsStep, TrainedArms> {
  const { arms, seeds, steps } = setup;
  const every = setup.every ?? Math.max(1, Math.ceil(steps / 20));
  const total = arms.length * seeds * steps;
  const infos = arms.map(armInfo);
  const runs: ArmRun[] = [];
  const trained: TrainedArm[] = [];
  const result = (): ArmsResult => ({ arms: infos, steps, runs: [...runs] });
  for (let run = 0; run < seeds; run++) {
    const seed = seedFor(setup.seed, `run ${run}`);
    for (const arm of arms) {
      const name = seeds === 1 ? arm.title : `${arm.title}, run ${run + 1} of ${seeds}`;
      const before = trained.length * steps;
      const running = train(trainer, step, {
        ...arm.training(seed),
        key: `${arm.id}, run ${run + 1}`,
        network: arm.network,
        steps,
        seed,
        every,
      });
      let next = await running.next();
      for (; !next.done; next = await running.next()) {
        const { value } = next;
        const soFar = result();
        const own: readonly ArmRun[] = value.step > 0 ? [{ arm: arm.id, seed, curves: curvesOf(value) }] : [];
        yield {
          sentence: trainingSentence(value, name),
          done: before + value.step,
          total,
          result: { ...soFar, runs: [...soFar.runs, ...own] },
        };
      }
      runs.push({ arm: arm.id, seed, curves: curvesOf(next.value) });
      trained.push({ arm, seed, parameters: next.value.parameters });
    }
  }
  return { result: result(), trained };
}

/** Value of a measure when its run had ended; undefined where the run has not ended or nothing was measured. */
export function lastValue({ curves }: ArmRun, measure: string, steps: number): number | undefined {
  const last = curves.measures[measure]?.at(-1);
  return last?.step === steps && !Number.isNaN(last.value) ? last.value : undefined;
}

const valuesOf = ({ runs, steps }: ArmsResult, measure: string, arm: string): ReadonlyMap<number, number> =>
  new Map(
    runs.flatMap((run) => {
      const value = run.arm === arm ? lastValue(run, measure, steps) : undefined;
      return value === undefined ? [] : [[run.seed, value] as const];
    }),
  );

export interface OverSeeds extends Interval {
  readonly mean: number;
  /** Runs that have ended. */
  readonly n: number;
}

/**
 * Mean over the runs of an arm of what was measured at the end, with the 95 % interval of Student's t over seeds (NaN for fewer than
 * two); undefined where no run has ended. `range`: what the values can be.
 */
export function overSeeds(
  result: ArmsResult,
  measure: string,
  arm: string,
  range?: readonly [number, number],
): OverSeeds | undefined {
  const values = [...valuesOf(result, measure, arm).values()];
  if (values.length === 0) return undefined;
  return { ...meanInterval(values, range ? { range } : {}), n: values.length };
}

/** The same of the differences `arm` less `other`, paired by seed: both of a seed drew the same numbers. */
export function differenceOverSeeds(
  result: ArmsResult,
  measure: string,
  arm: string,
  other: string,
): OverSeeds | undefined {
  const others = valuesOf(result, measure, other);
  const pairs = [...valuesOf(result, measure, arm)].flatMap(([seed, value]) => {
    const beside = others.get(seed);
    return beside === undefined ? [] : [value - beside];
  });
  return pairs.length === 0 ? undefined : { ...meanInterval(pairs), n: pairs.length };
}

export type ArmsParameters = {
  readonly steps: number;
  readonly seeds: number;
  readonly folder: string;
};

/** Rows of the table of parameters of an experiment with arms. */
export const armsFields = (usual: { readonly steps: number; readonly seeds: number }) =>
  ({
    steps: field.integer('Steps', 'Steps of training of each run.', { min: 1, max: 100_000, default: usual.steps }),
    seeds: field.integer(
      'Runs',
      'Runs of each network, from different seeds; intervals are over runs, and need two or more.',
      { min: 1, max: 100, default: usual.seeds },
    ),
    folder: folderField,
  }) as const satisfies Readonly<Record<keyof ArmsParameters, Parameter>>;

/** A learning rate whose schedule is `halfCosine` with its usual end. */
export const rateField = (usual: number) =>
  field.number('Learning rate', 'The largest: it falls to a tenth along half a cosine.', {
    min: 1e-5,
    max: 1,
    default: usual,
  }) satisfies Parameter;

/** Weights of every arm of the first seed by their names in the network, as `<id>.safetensors`, with what they are in config.json. */
export function armsFiles(
  { trained }: TrainedArms,
  size: NetworkFiles['size'],
  config: Readonly<Record<string, unknown>> = {},
): NetworkFiles {
  const [first] = trained;
  const written = trained.filter(({ seed }) => seed === first?.seed);
  const weights = written.map(({ arm, parameters }) => {
    const tensors = Object.entries(arm.network.parameters).map(
      ([name, shape]) => [name, { shape, data: parameters[name] ?? new Float32Array(0) }] as const,
    );
    return [arm.id, Object.fromEntries(tensors)] as const;
  });
  const arms = Object.fromEntries(written.map(({ arm }) => [`${arm.id}.safetensors`, arm.title]));
  return { size, config: { ...config, arms }, weights: Object.fromEntries(weights) };
}

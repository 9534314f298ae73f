/** An experiment that is one training of arms: a file of its own holds its task, its arms and its words; the rest is here. */
import type { Section } from '../../../protocol/sections/section';
import type { AnalysisJob, Step } from '../../analysis';
import type { Experiment, NetworkFiles, Workbench } from '../../experiment';
import { armsFiles, type Arm, type ArmsParameters, type ArmsResult, type TrainedArms } from './arms';
import { armsProgress } from './arms-sections';
import { armsSteps } from './arms-steps';

interface ResultOfArms extends Readonly<Record<string, unknown>> {
  readonly arms: ArmsResult;
  readonly folder?: string;
}

/** What a result has from the start, beside its arms. */
type Facts<R> = {
  readonly [Name in keyof R as Name extends 'arms' ? never : object extends Pick<R, Name> ? never : Name]: R[Name];
};

export interface ArmsTraining<R> {
  readonly arms: readonly Arm[];
  readonly facts: Facts<R>;
  /** Steps between two checkpoints. Default: a twentieth of the steps. */
  readonly every?: number;
  readonly size: NetworkFiles['size'];
  /** Settings of the saved weights, beside the names of the arms; `module` says which module gives the weights their names. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What the trained networks are found to do. */
  readonly after?: (trained: TrainedArms) => Promise<Partial<R>> | Partial<R>;
}

interface ArmsExperiment<P extends ArmsParameters, R extends ResultOfArms> extends Omit<
  Experiment<P, R>,
  'group' | 'trains' | 'inputs' | 'run' | 'finding' | 'sections'
> {
  readonly training: (bench: Workbench, job: AnalysisJob<P>) => ArmsTraining<R>;
  /** Called with a result whose runs have ended. */
  readonly finding: (result: R) => string;
  /** Called with a result whose training has begun. */
  readonly sections: (result: R) => readonly Section[];
  /** Where the weights are, behind the other sections. */
  readonly weights?: (folder: string) => Section;
}

export function experiment<P extends ArmsParameters, R extends ResultOfArms>({
  training,
  finding,
  sections,
  weights,
  ...rest
}: ArmsExperiment<P, R>): Experiment<P, R> {
  return {
    ...rest,
    group: 'training',
    trains: true,
    inputs: ['none'],
    async *run(bench, job): AsyncGenerator<Step<R>, R> {
      const { arms, facts, every, size, config, after } = training(bench, job);
      const partial = (soFar: ArmsResult) => ({ ...facts, arms: soFar }) as unknown as Partial<R>;
      const trained = yield* armsSteps(bench, job, arms, partial, every);
      const folder = await bench.networks(armsFiles(trained, size, config));
      return { ...partial(trained.result), ...(await after?.(trained)), folder } as R;
    },
    finding: (result) => armsProgress(result.arms, seedsOf(result)) ?? finding(result as R),
    sections: (result) => {
      if (!result.arms) return [];
      const { folder } = result;
      return [...sections(result as R), ...(weights && folder !== undefined ? [weights(folder)] : [])];
    },
  };
}

/** Runs of each arm, where the result says it. */
const seedsOf = ({ seeds }: Readonly<Record<string, unknown>>): number | undefined =>
  typeof seeds === 'number' ? seeds : undefined;

/** A run of training with checkpoints: what an analysis calls. */
import { usualAdam, type AdamSettings } from '../../../kernels/training/training-step';
import type { Network } from '../../../kernels/training/network';
import type { AnalysisJob } from '../../analysis';
import { namedParameters, startingState } from './parameters';
import { hasSettled, meanLoss, rateAt, type Plateau, type Schedule } from './schedule';
import type { Parameters, Trainer, TrainingPoint, TrainingState, TrainingTask } from '../../model-runner/trainer';

/** What is measured at a checkpoint, by name, e.g. loss and accuracy on held-out examples. */
export type Measures = Readonly<Record<string, number>>;

export interface TrainingSetup extends Pick<TrainingTask, 'batch' | 'seed'> {
  /** Unique among the trainings of a run: checkpoints are kept under it. */
  readonly key: string;
  readonly network: Network;
  readonly initial: Parameters;
  /** At most. */
  readonly steps: number;
  readonly rate: Schedule;
  /** Default: PyTorch's Adam, without decay and clipping. */
  readonly adam?: Partial<AdamSettings>;
  /** Steps between two checkpoints; at each of them the run can be cancelled, resumed and seen. Default: 50. */
  readonly every?: number;
  readonly measure?: (parameters: Parameters) => Promise<Measures>;
  readonly plateau?: Plateau & {
    /** The measure that has to fall; absent: the mean training loss of the steps since the checkpoint before. */
    readonly of?: string;
  };
}

interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  readonly measures: Measures;
}

export interface Training {
  readonly steps: number;
  /** Done so far. */
  readonly step: number;
  readonly points: readonly TrainingPoint[];
  readonly checkpoints: readonly Checkpoint[];
  readonly parameters: Parameters;
  /** Why it ended: all steps are done, or the loss no longer fell. Undefined while it runs. */
  readonly ended?: 'steps' | 'plateau';
}

interface Kept {
  readonly state: TrainingState;
  readonly points: readonly TrainingPoint[];
  readonly measures: Measures;
}

/**
 * Yields the training so far at every checkpoint and returns it when it has ended. A run that was cancelled goes on behind its last
 * checkpoint (`step` of the job) and gives the same numbers to the bit.
 */
export async function* train(
  trainer: Trainer,
  step: AnalysisJob<never>['step'],
  setup: TrainingSetup,
): AsyncGenerator<Training, Training> {
  const { key, network, initial, steps, seed, every = 50, plateau } = setup;
  const task: TrainingTask = {
    network,
    seed,
    adam: { ...usualAdam, ...setup.adam },
    rate: (at) => rateAt(setup.rate, at, steps),
    batch: (at, random) => setup.batch(at, random),
  };
  let state = startingState(network, initial);
  const points: TrainingPoint[] = [];
  const checkpoints: Checkpoint[] = [];
  const watched: number[] = [];
  const soFar = (): Training => ({
    steps,
    step: state.step,
    points: [...points],
    checkpoints: [...checkpoints],
    parameters: namedParameters(network, state.parameters),
  });
  while (state.step < steps) {
    yield soFar();
    const until = Math.min(steps, state.step + every);
    const from = state;
    const kept: Kept = await step(`${key}, step ${until}`, async () => {
      const made = await trainer.advance(task, from, until);
      const measures = (await setup.measure?.(namedParameters(network, made.state.parameters))) ?? {};
      return { ...made, measures };
    });
    state = kept.state;
    points.push(...kept.points);
    checkpoints.push({ step: state.step, measures: kept.measures });
    if (!plateau) continue;
    watched.push(plateau.of === undefined ? meanLoss(kept.points) : (kept.measures[plateau.of] ?? Number.NaN));
    if (hasSettled(plateau, watched)) return { ...soFar(), ended: state.step < steps ? 'plateau' : 'steps' };
  }
  return { ...soFar(), ended: 'steps' };
}

/** What a progress line says: `Training NAME: step 150 of 2000, loss 1.234`. */
export function trainingSentence({ step, steps, points }: Training, name: string): string {
  const last = points.at(-1);
  return `Training ${name}: step ${step} of ${steps}${last ? `, loss ${last.loss.toPrecision(4)}` : ''}`;
}

/** The trainer in onnxruntime, on the CPU: sessions of the last networks stay open, state goes out of one step into the next. */
import type {
  Batch,
  ForwardResult,
  Parameters,
  Trainer,
  TrainingPoint,
  TrainingState,
  TrainingTask,
} from '../../diagnostics/model-runner/trainer';
import { vectorOf } from '../../diagnostics/shared/training/parameters';
import type { GraphBuilder } from '../../kernels/graph/builder';
import { random, seedFor } from '../../kernels/tensors/random';
import type { Network } from '../../kernels/training/network';
import { forwardGraph, stepFactors, trainingNames, trainingStep } from '../../kernels/training/training-step';
import { type FailureError, refusal } from '../../protocol/wire/failures';
import { taskSurroundings } from './task-surroundings';
import { openSession, type RuntimeArray, type RuntimeSession, type RuntimeValues } from '../runtime/session';
import type { Surroundings } from '../surroundings';

/** An analysis that trains a network a head goes through many of them. */
const mostOpen = 4;

const names = trainingNames;

interface Opened {
  readonly network: Network;
  /** Settings of the step; `forward`: the graph without one. */
  readonly of: string;
  readonly session: RuntimeSession;
}

export class ServerTrainer implements Trainer {
  private opened: Opened[] = [];

  constructor(
    private readonly surroundings: Pick<Surroundings, 'defaultThreads'>,
    private readonly signal: AbortSignal,
  ) {}

  async advance(
    task: TrainingTask,
    from: TrainingState,
    until: number,
  ): Promise<{ readonly state: TrainingState; readonly points: readonly TrainingPoint[] }> {
    const { network, adam } = task;
    const session = await this.session(network, JSON.stringify(adam), () => trainingStep(network, adam));
    const { pause } = taskSurroundings(this.signal);
    const shape = [from.parameters.length];
    const scalar = (value: number): RuntimeArray => ({ data: Float32Array.of(value), shape: [] });
    const points: TrainingPoint[] = [];
    let state = from;
    for (let step = from.step + 1; step <= until; step++) {
      this.signal.throwIfAborted();
      await pause();
      const rate = task.rate(step);
      const { firstFactor, secondFactor } = stepFactors(adam, step);
      const batch = task.batch(step, random(seedFor(task.seed, `batch ${step}`)));
      requireExamples(network, batch);
      const values = await session.run({
        ...batch,
        [names.parameters]: { data: state.parameters, shape },
        [names.first]: { data: state.first, shape },
        [names.second]: { data: state.second, shape },
        [names.rate]: scalar(rate),
        [names.firstFactor]: scalar(firstFactor),
        [names.secondFactor]: scalar(secondFactor),
      });
      const [loss, norm] = [numberOf(values, names.loss), numberOf(values, names.norm)];
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw diverged(network, step, rate, loss);
      state = {
        step,
        parameters: floatsOf(values, names.newParameters),
        first: floatsOf(values, names.newFirst),
        second: floatsOf(values, names.newSecond),
      };
      points.push({ step, loss, rate, norm });
    }
    return { state, points };
  }

  async forward(network: Network, parameters: Parameters, batch: Batch): Promise<ForwardResult> {
    this.signal.throwIfAborted();
    requireExamples(network, batch);
    const session = await this.session(network, 'forward', () => forwardGraph(network));
    const vector = vectorOf(network, parameters);
    const values = await session.run({ ...batch, [names.parameters]: { data: vector, shape: [vector.length] } });
    const { [names.loss]: _, ...outputs } = values;
    return { loss: numberOf(values, names.loss), outputs };
  }

  /** Ends the sessions. */
  async close(): Promise<void> {
    const all = this.opened.splice(0);
    for (const { session } of all) await session.release();
  }

  private async session(network: Network, of: string, graph: () => GraphBuilder): Promise<RuntimeSession> {
    const found = this.opened.find((each) => each.network === network && each.of === of);
    if (found) {
      this.opened = [...this.opened.filter((each) => each !== found), found];
      return found.session;
    }
    while (this.opened.length >= mostOpen) await this.opened.shift()?.session.release();
    const threads = this.surroundings.defaultThreads;
    const session = await openSession(graph().finishDynamic(), { device: 'cpu', threads });
    this.opened.push({ network, of, session });
    return session;
  }
}

function requireExamples(network: Network, batch: Batch): void {
  for (const name of Object.keys(network.batch)) {
    const given = batch[name];
    if (!given) throw new RangeError(`a batch of ${network.name} lacks "${name}"`);
    if (given.data.length > 0) continue;
    throw refusal(`A batch for ${network.name} has no example to train on. Give more examples.`);
  }
}

const diverged = ({ name }: Network, step: number, rate: number, loss: number): FailureError =>
  refusal(
    `Training ${name} came to a ${Number.isFinite(loss) ? 'gradient' : 'loss'} that is not a finite number at step ${step}, with the learning rate ${Number(rate.toPrecision(3))}. Choose a smaller learning rate.`,
  );

function floatsOf(values: RuntimeValues, name: string): Float32Array {
  const data = values[name]?.data;
  if (!(data instanceof Float32Array)) throw new TypeError(`the step gave no numbers "${name}"`);
  return data;
}

const numberOf = (values: RuntimeValues, name: string): number => floatsOf(values, name)[0] ?? Number.NaN;

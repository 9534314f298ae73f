/** One training of the autoencoder on a few examples, and the codes that it then gives every head in every example. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { Network } from '../../../kernels/training/network';
import type { AnalysisJob } from '../../analysis';
import { drawn } from '../../shared/circuits/verdict';
import { train, type Training } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import { startOf, type AutoencoderShape } from './autoencoder';
import type { HeadCodes } from './codes';

export interface Trained {
  readonly training: Training;
  readonly initial: Parameters;
  /** Numbers of the training examples. */
  readonly members: ReadonlySet<number>;
}

/** Learning rate of Adam. */
const rate = 1e-3;
/** Steps between two checkpoints. */
const every = 100;

/** What belongs to one of several trainings. */
export interface OneTraining {
  /** From 1. */
  readonly number: number;
  readonly seed: number;
  readonly members: readonly number[];
}

/** Its training examples are drawn from all. */
export function oneTraining(all: number, examples: number, seed: number, number: number): OneTraining {
  const own = seedFor(seed, `training ${number}`);
  const every = Array.from({ length: all }, (_, at) => at);
  return { number, seed: own, members: drawn(every, examples, random(seedFor(own, 'examples'))) };
}

interface Setting {
  readonly shape: AutoencoderShape;
  /** The network to train. All trainings share this object, so that its sessions stay open. */
  readonly network: Network;
  /** Weights before the first step; absent: drawn by the seed. */
  readonly initial?: Parameters;
  readonly steps: number;
  readonly step: AnalysisJob<never>['step'];
}

/** `written`: outputs of every head in the training examples, [examples, D] each. Yields the training at each checkpoint. */
export async function* trainOn(
  trainer: Trainer,
  written: readonly Float32Array[],
  { number, seed, members }: OneTraining,
  { shape, network, steps, step, initial = startOf(shape, seed) }: Setting,
): AsyncGenerator<Training, Trained> {
  const outputs = matrix(written, shape.width);
  const training = yield* train(trainer, step, {
    key: `training ${number}`,
    network,
    initial,
    steps,
    rate: { peak: rate },
    every,
    seed,
    batch: () => ({ outputs }),
  });
  return { training, initial, members: new Set(members) };
}

/** The parts one below the other. */
function matrix(parts: readonly Float32Array[], width: number) {
  const data = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return { data, shape: [data.length / width, width] };
}

/** What an autoencoder makes of a layer. */
export interface CodedLayer {
  /** By head. */
  readonly codes: readonly HeadCodes[];
  /** Sums over training examples and over the others of |x' - x|^2; of features above 0 over all. */
  readonly error: number;
  readonly errorOthers: number;
  readonly active: number;
}

/** `written`: outputs of the heads of a layer, [h][examples, D]. */
export async function codesOf(
  trainer: Trainer,
  network: Network,
  members: ReadonlySet<number>,
  parameters: Parameters,
  written: readonly Float32Array[],
): Promise<CodedLayer> {
  const width = network.parameters['tiedBias']?.[0] ?? 0;
  const { outputs } = await trainer.forward(network, parameters, { outputs: matrix(written, width) });
  const numbers = (name: string) => {
    const data = outputs[name]?.data;
    if (data instanceof Int32Array || data instanceof Float32Array) return data;
    throw new TypeError(`the autoencoder gave no ${name}`);
  };
  const [codes, squared, active] = [numbers('codes'), numbers('squared'), numbers('active')];
  const examples = codes.length / Math.max(1, written.length);
  let [error, errorOthers, features] = [0, 0, 0];
  squared.forEach((value, at) => {
    if (members.has(at % examples)) error += value;
    else errorOthers += value;
    features += active[at] ?? 0;
  });
  const ofHead = (head: number): HeadCodes => Int32Array.from(codes.subarray(head * examples, (head + 1) * examples));
  return { codes: written.map((_, head) => ofHead(head)), error, errorOthers, active: features };
}

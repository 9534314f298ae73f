/** One training of the autoencoder on a few examples, and the codes that it then gives every head in every example. */
import { random, seedFor } from '../../kernels/tensors/random';
import type { Network } from '../../kernels/training/network';
import type { AnalysisJob } from '../analysis';
import { drawn } from '../circuits/verdict';
import type { ModelRunner } from '../model-runner/model-runner';
import { train, type Training } from '../training/train';
import type { Parameters } from '../training/trainer';
import { startOf, type AutoencoderShape } from './autoencoder';
import type { HeadCodes } from './codes';
import { writtenBy, type ExampleOutputs } from './head-outputs';

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

interface Setting {
  readonly shape: AutoencoderShape;
  /** Of this shape; one object for all trainings, whose sessions stay open. */
  readonly network: Network;
  readonly steps: number;
  /** Training examples. */
  readonly examples: number;
  readonly seed: number;
  /** From 1. */
  readonly number: number;
  readonly step: AnalysisJob<never>['step'];
}

/** Training examples are drawn from all. Yields the training at each checkpoint. */
export async function* trainOn(
  model: ModelRunner,
  all: readonly ExampleOutputs[],
  { shape, network, steps, examples, seed, number, step }: Setting,
): AsyncGenerator<Training, Trained> {
  const key = `training ${number}`;
  const own = seedFor(seed, key);
  const members = drawn([...all.keys()], examples, random(seedFor(own, 'examples')));
  const rows: Float32Array[] = [];
  for (const layer of model.facts.blocks.keys()) {
    rows.push(
      ...(await writtenBy(
        model,
        layer,
        members.map((at) => all[at] ?? []),
      )),
    );
  }
  const outputs = matrix(rows, shape.width);
  const initial = startOf(shape, own);
  const training = yield* train(model.trainer, step, {
    key,
    network,
    initial,
    steps,
    rate: { peak: rate },
    every,
    seed: own,
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
  { trainer }: ModelRunner,
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

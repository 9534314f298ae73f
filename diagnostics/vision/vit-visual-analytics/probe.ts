/**
 * The linear probe: softmax regression on features that are put to mean 0 and deviation 1 over the pictures it is trained on.
 * Loss: mean surprisal of the classes in nats, and `decay` / 2 times the sum of the squared weights.
 */
import { figure, list, object } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import { add, multiply } from '../../../kernels/graph/operators/elementwise';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import { crossEntropy } from '../../../kernels/training/losses';
import type { Network } from '../../../kernels/training/network';
import type { AnalysisJob } from '../../analysis';
import { floats, wholes } from '../../shared/training/module-network';
import { train, type Training } from '../../shared/training/train';
import type { Trainer } from '../../model-runner/trainer';
import type { Reader } from './reader';

const decay = 0.01;
const rate = 0.05;
export const probeSteps = 200;
const every = 100;

const probeNetwork = (classes: number, width: number): Network => ({
  name: 'Linear probe',
  parameters: { weight: [classes, width], bias: [classes] },
  batch: { features: { type: 'float32', shape: ['rows', width] }, labels: { type: 'int64', shape: ['rows'] } },
  build(_, { weight, bias }, { features, labels }) {
    if (!weight || !bias || !features || !labels) throw new RangeError('the probe lacks a value');
    const logits = add(fusedMatmul(features, weight, { transposeB: true }), bias);
    const squares = reduceSum(multiply(weight, weight), [0, 1], false);
    return { loss: add(crossEntropy(logits, labels), multiply(squares, decay / 2)) };
  },
});

export async function* trainProbe(
  trainer: Trainer,
  step: AnalysisJob<never>['step'],
  given: {
    readonly classes: readonly string[];
    readonly features: readonly (readonly number[])[];
    /** Numbers of classes. */
    readonly labels: readonly number[];
    readonly seed: number;
  },
): AsyncGenerator<Training, Reader> {
  const { classes, features, labels, seed } = given;
  const width = features[0]?.length ?? 0;
  const mean = Array.from(
    { length: width },
    (_, i) => features.reduce((sum, row) => sum + (row[i] ?? 0), 0) / features.length,
  );
  const scale = mean.map((centre, i) => {
    const variance = features.reduce((sum, row) => sum + ((row[i] ?? 0) - centre) ** 2, 0) / features.length;
    // A feature that does not vary says nothing.
    return variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
  });
  const scaled = features.flatMap((row) => row.map((value, i) => (value - (mean[i] ?? 0)) * (scale[i] ?? 0)));
  const batch = { features: floats([features.length, width], scaled), labels: wholes([labels.length], labels) };
  const { parameters } = yield* train(trainer, step, {
    key: 'probe',
    network: probeNetwork(classes.length, width),
    initial: { weight: new Float32Array(classes.length * width), bias: new Float32Array(classes.length) },
    steps: probeSteps,
    rate: { peak: rate },
    every,
    seed,
    batch: () => batch,
  });
  const { weight = new Float32Array(0), bias = new Float32Array(0) } = parameters;
  return {
    kind: 'probe',
    classes,
    linear: { data: weight, rows: classes.length, columns: width, bias },
    scaling: { mean, scale },
  };
}

const figures = list(figure, 'a list of numbers');

/** As it is saved: [classes][width] and so on. */
export const storedProbeSchema = object({
  weight: list(figures, 'a list of rows'),
  bias: figures,
  mean: figures,
  scale: figures,
});
type StoredProbe = Output<typeof storedProbeSchema>;

export const storedProbe = ({
  linear: { data, rows, columns, bias = new Float32Array(rows) },
  scaling,
}: Reader): StoredProbe => ({
  weight: Array.from({ length: rows }, (_, row) => [...data.subarray(row * columns, (row + 1) * columns)]),
  bias: [...bias],
  mean: scaling?.mean ?? [],
  scale: scaling?.scale ?? [],
});

export const readProbe = ({ weight, bias, mean, scale }: StoredProbe, classes: readonly string[]): Reader => ({
  kind: 'probe',
  classes,
  linear: {
    data: Float32Array.from(weight.flat()),
    rows: weight.length,
    columns: weight[0]?.length ?? 0,
    bias: Float32Array.from(bias),
  },
  scaling: { mean, scale },
});

/**
 * A small convolutional network over toy pictures, plain or with the gates of `multiscale-gate` behind each of its three stages: a 3 x 3
 * convolution, ReLU and 2 x 2 maxima; then F_j A_j, which the next stage reads. Maxima over the last features, and a linear layer.
 */
import { convolution } from '../../../kernels/graph/operators/convolution';
import { rectify } from '../../../kernels/graph/operators/elementwise';
import { reduceMax } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { linearLayer } from '../../../kernels/module-parts/graph';
import { halvedGraph } from '../../../kernels/module-parts/resize';
import { convolutionWeights, linearWeights } from '../../../kernels/module-parts/weights';
import type { ModuleWeight } from '../../../kernels/module';
import { foldedWeights, headsOf, type GateParameters, type Head } from '../../../kernels/modules/medusa/definition';
import { contextGraph, headGraph } from '../../../kernels/modules/medusa/graph';
import { normalTensor, seedFor } from '../../../kernels/tensors/random';
import { crossEntropy } from '../../../kernels/training/losses';
import { trainedModule } from '../../../kernels/training/module-graph';
import { parameterCount, type Network } from '../../../kernels/training/network';
import { stacked, wholes } from '../../shared/training/module-network';
import { trainedShapes } from '../../shared/training/module-weights';
import type { Batch, Parameters } from '../../model-runner/trainer';
import { classes, side, type LungPicture } from './pictures';

export const batchSize = 16;
export const scales = 3;

/** The first is what the others are compared with. */
export const forms = ['isolated', 'shared', 'none'] as const;
export type Form = (typeof forms)[number];

export interface LungSize {
  readonly form: Form;
  /** Channels of the first stage; each further stage has twice as many. */
  readonly channels: number;
  /** Channels at the finest level of the shared body. */
  readonly bodyWidth: number;
}

function gateParameters({ form, channels, bodyWidth }: LungSize): GateParameters {
  return {
    context: form === 'shared' ? 'body' : 'none',
    gate: 'multiply',
    form: 'spatial',
    scales,
    globals: 1,
    image: side,
    bodyWidth,
    channels,
    height: side / 2,
    width: side / 2,
    strength1: 1,
    strength2: 1,
    strength3: 1,
    strength4: 1,
    batch: batchSize,
  };
}

/** Sides of the gates, from the finest. */
export const gateSides = Array.from({ length: scales }, (_, at) => side / 2 ** (at + 1));

const stagesOf = (size: LungSize): readonly Head[] => headsOf(gateParameters(size));

function weightsOf(size: LungSize): readonly ModuleWeight[] {
  const stages = stagesOf(size);
  return [
    ...stages.flatMap(({ channels }, at) =>
      convolutionWeights(`stages.${at}`, channels, stages[at - 1]?.channels ?? 1, 3),
    ),
    ...(size.form === 'none' ? [] : foldedWeights(gateParameters(size))),
    ...linearWeights('classifier', classes, stages.at(-1)?.channels ?? 0),
  ];
}

/** Loss: cross-entropy, nats. Outputs: `logits` [b, 2], `map1` .. `map3` [b, 1, H_j, W_j], `global` [b, 1, side, side] as it has them. */
export function lungNetwork(name: string, size: LungSize): Network {
  return {
    name,
    parameters: trainedShapes(weightsOf(size)),
    batch: {
      image: { type: 'float32', shape: [batchSize, 1, side, side] },
      label: { type: 'int64', shape: [batchSize] },
    },
    build(graph, weights, { image, label }) {
      if (!image || !label) throw new RangeError('a batch is a picture and a label');
      const module = trainedModule(graph, { image }, weights);
      const context = size.form === 'none' ? undefined : contextGraph(module, gateParameters(size));
      const outputs: Record<string, Value> = context ? { global: context } : {};
      let x = image;
      stagesOf(size).forEach((head, at) => {
        const [weight, bias] = [module.weight(`stages.${at}.weight`), module.weight(`stages.${at}.bias`)];
        const features = halvedGraph(rectify(convolution(x, weight, bias, { padding: 1 })));
        if (size.form === 'none') {
          x = features;
          return;
        }
        const { map, gated } = headGraph(module, features, context, head, 'multiply');
        outputs[`map${head.scale}`] = map;
        x = gated;
      });
      const read = reduceMax(x, [2, 3], false);
      const logits = linearLayer(read, module.weight('classifier.weight'), module.weight('classifier.bias'));
      return { loss: crossEntropy(logits, label), outputs: { ...outputs, logits } };
    },
  };
}

/** How open the gates are at first. */
const open = 0.95;

/** Normal numbers of variance 2 / (numbers read) for kernels (He et al. 2015), biases 0; the last layer of every head 0, its gate at 0.95. */
export const initialOf = ({ parameters }: Network, seed: number): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, shape]) => {
      if (/^heads\.\d\.map\./.test(name)) {
        const value = name.endsWith('bias') ? Math.log(open / (1 - open)) : 0;
        return [name, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value)];
      }
      const read = shape.slice(1).reduce((a, b) => a * b, 1);
      const deviation = shape.length === 1 ? 0 : Math.sqrt(2 / read);
      return [name, Float32Array.from(normalTensor(shape, seedFor(seed, name), deviation).data)];
    }),
  );

const countOf = (size: LungSize): number => parameterCount(lungNetwork('', size));

/** As many channels of the first stage as bring the trained numbers of `form` closest to those of the network with a shared body. */
export function channelsFor(form: Form, channels: number, bodyWidth: number): number {
  const wanted = countOf({ form: 'shared', channels, bodyWidth });
  const off = (each: number): number => Math.abs(countOf({ form, channels: each, bodyWidth }) - wanted);
  let best = channels;
  while (off(best + 1) < off(best)) best++;
  return best;
}

export const batchOf = (pictures: readonly LungPicture[]): Batch => ({
  image: stacked(
    pictures.map(({ x }) => x),
    [1, side, side],
  ),
  label: wholes(
    [pictures.length],
    pictures.map(({ label }) => label),
  ),
});

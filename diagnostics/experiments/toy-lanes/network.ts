/**
 * MULTI-LANE over pictures of shapes (arXiv:2405.15633): a small vision transformer, which is trained once and then stays as it is, and
 * one pathway whose selectors, prompts and rows of the classifier are trained task by task.
 */
import { add, multiply, softplus, subtract, divide } from '../../../kernels/graph/operators/elementwise';
import { matmul } from '../../../kernels/graph/operators/matrix';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { multiLane, type Parameters as LaneParameters } from '../../../kernels/modules/multi-lane/network';
import { zeros } from '../../../kernels/tensors/tensor';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import { floats, stacked } from '../../shared/training/module-network';
import { drawnWeights, trainedShapes } from '../../shared/training/module-weights';
import type { ShapePicture } from '../../shared/training/shapes';
import type { Batch, Parameters } from '../../model-runner/trainer';

export const side = 64;
export const batchSize = 16;
/** Shapes of a picture, in cells of a grid that is as wide. */
export const cells = 4;
export const shapesOfPicture = 3;

export interface LaneSize {
  readonly classes: number;
  readonly selectors: number;
  readonly prompts: number;
}

/** Classes of all tasks in one classifier, one pathway. */
export const laneParameters = ({ classes, selectors, prompts }: LaneSize, batch = batchSize): LaneParameters => ({
  variant: 'small',
  tasks: 1,
  classes,
  selectors,
  prompts,
  side,
  cached: false,
  batch,
});

/** What is trained for a task; all else is frozen. */
const isLane = (name: string): boolean =>
  name === 'selectors' || name.endsWith('attn.prompts') || name.startsWith('head.');

const partOf = (size: LaneSize, of: (name: string) => boolean) =>
  multiLane.weights(laneParameters(size)).filter(({ name }) => of(name));

/** -(y ln p + (1 - y) ln (1 - p)) of p = sigmoid(z), mean over what counts, nats. */
function binaryCrossEntropy(logits: Value, labels: Value, counted: Value): Value {
  const each = subtract(softplus(logits), multiply(labels, logits));
  const total = (x: Value): Value => reduceSum(x, [0, 1], false);
  return divide(total(multiply(each, counted)), total(counted));
}

const batchOf = ({ classes }: LaneSize) =>
  ({
    picture: { type: 'float32', shape: [batchSize, 3, side, side] },
    labels: { type: 'float32', shape: [batchSize, classes] },
    counted: { type: 'float32', shape: [batchSize, classes] },
  }) as const;

/** The frozen part, trained with a classifier of its own over its class token. */
export function backboneNetwork(size: LaneSize): Network {
  const own = trainedShapes(partOf(size, (name) => !isLane(name)));
  return {
    name: 'the frozen transformer',
    parameters: { ...own, 'classifier.weight': [64, size.classes], 'classifier.bias': [size.classes] },
    batch: batchOf(size),
    build(graph, weights, { picture, labels, counted }) {
      const still = partOf(size, isLane).map(
        ({ name, shape }) => [name, graph.constant('float32', shape, zeros(shape).data)] as const,
      );
      const view = trainedModule(graph, { picture: picture! }, { ...weights, ...Object.fromEntries(still) });
      const { frozen } = multiLane.build(view, laneParameters(size));
      const logits = add(matmul(frozen!, weights['classifier.weight']!), weights['classifier.bias']!);
      return { loss: binaryCrossEntropy(logits, labels!, counted!), outputs: { logits } };
    },
  };
}

export const backboneStart = (size: LaneSize, seed: number): Parameters => ({
  ...drawnWeights(
    partOf(size, (name) => !isLane(name)),
    seed,
  ),
  'classifier.weight': new Float32Array(64 * size.classes),
  'classifier.bias': new Float32Array(size.classes),
});

/** The pathway; what is frozen comes in with every batch. Outputs: `logits` [b, classes], `frozen` [b, width]. */
export function laneNetwork(size: LaneSize): Network {
  const frozen = trainedShapes(partOf(size, (name) => !isLane(name)));
  return {
    name: 'the pathway',
    parameters: trainedShapes(partOf(size, isLane)),
    batch: {
      ...batchOf(size),
      ...Object.fromEntries(Object.entries(frozen).map(([name, shape]) => [name, { type: 'float32', shape }])),
    },
    build(graph, weights, { picture, labels, counted, ...still }) {
      const view = trainedModule(graph, { picture: picture! }, { ...weights, ...still });
      const { output, frozen: features } = multiLane.build(view, laneParameters(size));
      return {
        loss: binaryCrossEntropy(output!, labels!, counted!),
        outputs: { logits: output!, frozen: features! },
      };
    },
  };
}

export const laneStart = (size: LaneSize, seed: number): Parameters => {
  const drawn = drawnWeights(partOf(size, isLane), seed);
  return { ...drawn, 'head.bias': new Float32Array(size.classes) };
};

/** `from`, `to`: the classes that count. */
export function laneBatch(
  pictures: readonly ShapePicture[],
  classes: number,
  [from, to]: readonly [number, number],
): Batch {
  const each = (of: (picture: ShapePicture, c: number) => boolean) =>
    floats(
      [pictures.length, classes],
      pictures.flatMap((picture) => Array.from({ length: classes }, (_, c) => (of(picture, c) ? 1 : 0))),
    );
  return {
    picture: stacked(
      pictures.map(({ pixels }) => pixels),
      [3, side, side],
    ),
    labels: each(({ placed }, c) => placed.some(({ shape }) => shape === c)),
    counted: each((_, c) => c >= from && c < to),
  };
}

/** The frozen weights as inputs of a batch. */
export function heldBatch(size: LaneSize, backbone: Parameters): Batch {
  const shapes = trainedShapes(partOf(size, (name) => !isLane(name)));
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { data: backbone[name] ?? new Float32Array(0), shape }]),
  );
}

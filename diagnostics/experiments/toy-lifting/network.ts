/** ConvFormer lifting a walker's joints from 2-D to 3-D, with several sets of kernels. */
import { add, multiply, squareRoot, subtract } from '../../../kernels/graph/operators/elementwise';
import { reduceMean, reduceSum } from '../../../kernels/graph/operators/reduce';
import { convformer } from '../../../kernels/modules/convformer/network';
import { joints, projectedTo2d, walker } from '../../../kernels/modules/convformer/skeleton';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import type { Random } from '../../../kernels/tensors/random';
import { floats } from '../../shared/training/module-network';
import { trainedShapes } from '../../shared/training/module-weights';
import type { Batch } from '../../model-runner/trainer';

export const batchSize = 32;
export const frames = 9;
const channels = 8;

const sizeOf = (kernels: string) => ({
  frames,
  channels,
  heads: 4,
  kernels,
  spatialBlocks: 1,
  temporalBlocks: 1,
  fuse: false,
  batch: batchSize,
});

export const liftingWeights = (kernels: string) => convformer.weights(sizeOf(kernels));

/** Loss and MPJPE: mean over joints of the distance between pose and truth, in heights. Output: `pose` [b, J, 3]. */
export function liftingNetwork(name: string, kernels: string): Network {
  return {
    name,
    parameters: trainedShapes(liftingWeights(kernels)),
    batch: {
      joints: { type: 'float32', shape: [batchSize, frames, 2 * joints.length] },
      truth: { type: 'float32', shape: [batchSize, joints.length, 3] },
    },
    build(graph, weights, given) {
      const { output } = convformer.build(trainedModule(graph, given, weights), sizeOf(kernels));
      const difference = subtract(output!, given['truth']!);
      const squares = reduceSum(multiply(difference, difference), [2], false);
      // The root has no slope at 0.
      return { loss: reduceMean(squareRoot(add(squares, 1e-10)), [0, 1], false), outputs: { pose: output! } };
    },
  };
}

/** Clips of walkers seen with noise of 1 % of the height; the truth is the pose of the middle frame. */
export function liftingBatch(source: Random): Batch {
  const poses = walker(batchSize, frames, source.whole(2 ** 31));
  const seen = projectedTo2d(poses);
  const size = 3 * joints.length;
  const middle = (frames - 1) / 2;
  const truth = Array.from({ length: batchSize }, (_, b) => {
    const from = (b * frames + middle) * size;
    return [...poses.data.subarray(from, from + size)];
  });
  return {
    joints: floats(
      seen.shape,
      seen.data.map((value) => value + 0.01 * source.normal()),
    ),
    truth: floats([batchSize, joints.length, 3], truth.flat()),
  };
}

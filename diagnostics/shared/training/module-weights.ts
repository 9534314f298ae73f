/** Weights of a module as parameters of a network that is trained. */
import { drawWeight } from '../../../kernels/module-parts/draw';
import type { ModuleWeight } from '../../../kernels/module';
import type { Parameters } from '../../model-runner/trainer';

/** Shapes by name, without running means, which are not trained. */
export const trainedShapes = (weights: readonly ModuleWeight[]): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(weights.flatMap(({ name, shape, buffer }) => (buffer ? [] : [[name, shape]])));

/** What training starts from: the numbers that the module's table says, drawn by name. */
export const drawnWeights = (weights: readonly ModuleWeight[], seed: number): Parameters =>
  Object.fromEntries(
    weights.flatMap((weight) =>
      weight.buffer ? [] : [[weight.name, Float32Array.from(drawWeight(weight, seed).data)]],
    ),
  );

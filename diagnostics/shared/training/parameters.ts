/** Parameters as one vector and by their names. */
import { parameterCount, parameterPlaces, type Network } from '../../../kernels/training/network';
import { random, seedFor } from '../../../kernels/tensors/random';
import { sizeOf } from '../../../kernels/tensors/tensor';
import type { Parameters, TrainingState } from '../../model-runner/trainer';

export function vectorOf(network: Network, parameters: Parameters): Float32Array {
  const vector = new Float32Array(parameterCount(network));
  for (const { name, offset, size } of parameterPlaces(network)) {
    const given = parameters[name];
    if (given?.length !== size) {
      throw new RangeError(`"${name}" of ${network.name} has ${size} numbers, and ${given?.length ?? 0} were given`);
    }
    vector.set(given, offset);
  }
  return vector;
}

export const namedParameters = (network: Network, vector: Float32Array): Parameters =>
  Object.fromEntries(
    parameterPlaces(network).map(({ name, offset, size }) => [name, vector.slice(offset, offset + size)]),
  );

/** Before the first step: moments of 0. */
export function startingState(network: Network, parameters: Parameters): TrainingState {
  const vector = vectorOf(network, parameters);
  const zeros = (): Float32Array => new Float32Array(vector.length);
  return { step: 0, parameters: vector, first: zeros(), second: zeros() };
}

/** Normal numbers of mean 0 and the deviation that `deviation` gives for a parameter, from a stream for each name. */
export const drawnParameters = (
  { parameters }: Network,
  seed: number,
  deviation: (name: string, shape: readonly number[]) => number,
): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, shape]) => {
      const source = random(seedFor(seed, name));
      const by = deviation(name, shape);
      return [name, Float32Array.from({ length: sizeOf(shape) }, () => by * source.normal())];
    }),
  );

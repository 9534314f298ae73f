/** Seeded calls of a module. */
import { isExact, type Module, type ModuleCall, type ModuleWeight, type Tensors } from '../module';
import type { ParameterValues } from '../mechanism';
import type { Precision } from '../shape';
import { roundedTensors, roundTo } from '../tensors/precision';
import { normalTensor, random, seedFor } from '../tensors/random';
import { sizeOf, tensor, type Tensor } from '../tensors/tensor';

export function drawWeight({ name, shape, initial }: ModuleWeight, seed: number): Tensor {
  if (initial.kind === 'constant') return tensor(shape, new Float64Array(sizeOf(shape)).fill(initial.value));
  if (initial.kind === 'numbers') return roundTo(tensor(shape, Float64Array.from(initial.values)), 'float32');
  const drawn = normalTensor(shape, seedFor(seed, name), initial.deviation);
  if (initial.kind === 'normal') return drawn;
  return tensor(
    shape,
    drawn.data.map((value) => Math.fround(Math.max(0.1, 1 + value))),
  );
}

export const drawWeights = (module: Module, parameters: ParameterValues, seed: number): Tensors =>
  Object.fromEntries(module.weights(parameters).map((weight) => [weight.name, drawWeight(weight, seed)]));

/** A sample of the module (its first where none is named) and seeded weights, all in float32 numbers. */
export function drawCall(module: Module, parameters: ParameterValues, seed: number, sample?: string): ModuleCall {
  const chosen = sample === undefined ? module.samples[0] : module.samples.find(({ id }) => id === sample);
  if (!chosen) throw new RangeError(`${module.id} has no sample "${sample}"`);
  return {
    inputs: roundedTensors(chosen.draw(parameters, seedFor(seed, `sample ${chosen.id}`)), 'float32'),
    weights: drawWeights(module, parameters, seed),
  };
}

/** The numbers that a graph of this precision reads. Labels are whole numbers and stay. */
export function roundedCall(
  module: Module,
  call: ModuleCall,
  parameters: ParameterValues,
  precision: Precision,
): ModuleCall {
  const exact = new Set(module.inputs(parameters).flatMap(({ name, kind }) => (isExact(kind) ? [name] : [])));
  return {
    inputs: Object.fromEntries(
      Object.entries(call.inputs).map(([name, x]) => [name, exact.has(name) ? x : roundTo(x, precision)]),
    ),
    weights: roundedTensors(call.weights, precision),
  };
}

/** Standard normal numbers for every input that is a number, in its shape: a sample that fits most modules. */
export function normalInputs(module: Pick<Module, 'inputs'>, parameters: ParameterValues, seed: number): Tensors {
  return Object.fromEntries(
    module.inputs(parameters).map(({ name, kind, shape }) => {
      if (kind === 'labels') return [name, tensor(shape, new Float64Array(sizeOf(shape)))];
      if (kind === 'mask') return [name, tensor(shape, new Float64Array(sizeOf(shape)).fill(1))];
      return [name, normalTensor(shape, seedFor(seed, name))];
    }),
  );
}

/**
 * A map with a few bright discs on a smooth ground, each disc with a direction of its own over the channels: what a picture of
 * several things looks like in features. [b, c, H, W]; noise of deviation 0.1.
 */
export function discs(shape: readonly [number, number, number, number], seed: number, count = 3): Tensor {
  const [batch, channels, height, width] = shape;
  const source = random(seedFor(seed, 'discs'));
  const x = normalTensor(shape, seedFor(seed, 'noise'), 0.1);
  for (let b = 0; b < batch; b++) {
    const ground = Array.from({ length: channels }, () => source.normal());
    const discs = Array.from({ length: count }, () => ({
      row: source.uniform() * height,
      column: source.uniform() * width,
      radius: Math.max(1, (0.1 + 0.15 * source.uniform()) * Math.min(height, width)),
      direction: Array.from({ length: channels }, () => 2 * source.normal()),
    }));
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const inside = discs.find(({ row, column, radius }) => Math.hypot(i + 0.5 - row, j + 0.5 - column) <= radius);
        for (let c = 0; c < channels; c++) {
          const at = ((b * channels + c) * height + i) * width + j;
          x.data[at] = Math.fround(
            x.data[at]! + (inside ? inside.direction[c]! : ground[c]! * (0.5 + (0.5 * (i + j)) / (height + width))),
          );
        }
      }
    }
  }
  return x;
}

/** Tensors of a planted model, filled number by number. */
import type { CheckpointTensor } from './safetensors-file';

interface PlantedTensors {
  readonly tensors: Map<string, CheckpointTensor>;
  /** Adds a tensor; what it gives sets one number of it. */
  readonly put: (
    name: string,
    shape: readonly number[],
    fill?: number,
  ) => (row: number, column: number, value: number) => void;
}

export function plantedTensors(): PlantedTensors {
  const tensors = new Map<string, CheckpointTensor>();
  return {
    tensors,
    put: (name, shape, fill = 0) => {
      const data = new Float32Array(shape.reduce((product, axis) => product * axis, 1)).fill(fill);
      tensors.set(name, { shape, data });
      return (row, column, value) => (data[row * (shape[1] ?? 1) + column] = value);
    },
  };
}

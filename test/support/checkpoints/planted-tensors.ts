/** Tensors of a planted model, filled number by number. */
import type { CheckpointTensor } from '../safetensors-file';

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

/** Adds the tensors of a layer of OPT that does nothing yet: norms that leave the stream, maps of zeros; `linear` gives the setters. */
export function plantedOptLayer(put: PlantedTensors['put'], layer: number, hidden: number) {
  const at = `model.decoder.layers.${layer}`;
  for (const norm of ['self_attn_layer_norm', 'final_layer_norm']) {
    put(`${at}.${norm}.weight`, [hidden], 1);
    put(`${at}.${norm}.bias`, [hidden]);
  }
  const linear = (name: string, outputs: number, inputs: number) => {
    put(`${at}.${name}.bias`, [outputs]);
    return put(`${at}.${name}.weight`, [outputs, inputs]);
  };
  const projection = (name: string) => linear(`self_attn.${name}_proj`, hidden, hidden);
  const [query, key, value, output] = [projection('q'), projection('k'), projection('v'), projection('out')];
  linear('fc1', 4, hidden);
  linear('fc2', hidden, 4);
  return { query, key, value, output };
}

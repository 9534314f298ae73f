/** Tensors of the vectors of a token that layers read (Gemma 3n, Gemma 4). */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { vectorNames } from './carried-row';
import { sizeOf } from './family';

/** Numbers of `hidden_size_per_layer_input`. */
export const vectorSize = (part: ModelPart): number => sizeOf(part, 'hidden_size_per_layer_input') ?? 0;

export const vectorRows = (part: ModelPart): number =>
  sizeOf(part, 'vocab_size_per_layer_input') ?? part.vocabularySize ?? 0;

export function writeLayerVector(writer: TensorWriter, part: ModelPart): void {
  const size = vectorSize(part);
  if (size === 0) return;
  writer.linear('mlp', vectorNames.gate, part.hiddenSize, size, false);
  writer.linear('mlp', vectorNames.back, size, part.hiddenSize, false);
  writer.norm(vectorNames.backNorm, part.hiddenSize, false);
}

export function writeVectors(writer: TensorWriter, part: ModelPart): void {
  const size = vectorSize(part);
  if (size === 0) return;
  const width = part.layers.length * size;
  writer.add('embedding', `${vectorNames.table}.weight`, [vectorRows(part), width]);
  writer.linear('mlp', vectorNames.map, part.hiddenSize, width, false);
  writer.norm(vectorNames.norm, size, false);
}

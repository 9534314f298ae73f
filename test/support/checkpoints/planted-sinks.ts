/**
 * Vision-language checkpoints wide enough for attention sinks (a hidden state of 512 numbers), otherwise random: the embedding
 * of the beginning-of-sequence token is massive in one dimension, and the projector makes one patch of one picture massive in
 * the same dimension. Which patch that is the projector reads off the encoder's own output, solved for exactly.
 */
import { join } from 'node:path';
import { parametersOf, type Vector } from '../reference/vectors';
import { writeSafetensors } from '../safetensors-file';
import { llamaLike, tinyTensors, writeConfig } from './tiny-models';
import {
  normalisedPicture,
  tinyLlava,
  tinyPaligemma,
  tinyPixels,
  writePng,
  writeProcessor,
  type TinyVlm,
} from './tiny-vision';

export const plantedSinks = { dimension: 77, patch: 4, bos: 0 } as const;
/** Far above the other numbers of a state, so that phi is near the most that the width allows. */
const massive = 300;

const wide = { hidden_size: 512, num_hidden_layers: 4, head_dim: 8, bos_token_id: plantedSinks.bos };
export const wideLlava = (): TinyVlm => tinyLlava({ text: llamaLike('wide', 'llama', wide) });
/** Image tokens come before the beginning-of-sequence token. */
export const widePaligemma = (): TinyVlm => tinyPaligemma(1, wide);

/** Writes the model and its picture, and gives the picture's path. `sink`: the patch is planted too, not BOS alone. */
export function writePlantedSinks(folder: string, tiny: TinyVlm, sink: boolean): string {
  const { dimension, patch, bos } = plantedSinks;
  const width = wide.hidden_size;
  const tensors = tinyTensors(tiny);
  const data = (name: string): Float32Array => {
    const found = tensors.get(name)?.data;
    if (!found) throw new Error(`the checkpoint has no "${name}"`);
    return found;
  };
  data('language_model.model.embed_tokens.weight')[bos * width + dimension] = massive;
  const pixels = tinyPixels(12, 12);
  if (sink) {
    const run = tiny.encode(parametersOf(tensors), normalisedPicture(pixels, tiny.processor));
    if (tensors.has('multi_modal_projector.linear_1.weight')) {
      // The row of the class token is read and dropped.
      const rows = run.states.at(-2)?.slice(1) ?? [];
      data('multi_modal_projector.linear_1.weight').set(answers(rows, patch), 0);
      data('multi_modal_projector.linear_1.bias')[0] = 0;
      const second = data('multi_modal_projector.linear_2.weight');
      for (let out = 0; out < width; out++) second[out * width] = out === dimension ? massive : 0;
    } else {
      const weight = data('multi_modal_projector.linear.weight');
      const to = answers(run.finished, patch).map((value) => value * massive);
      weight.set(to, dimension * to.length);
      data('multi_modal_projector.linear.bias')[dimension] = 0;
    }
  }
  writeConfig(folder, tiny.config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  writeProcessor(folder, tiny);
  return writePng(join(folder, 'picture.png'), pixels);
}

/** The smallest w with w . rows[at] = 1 and w . rows[i] = 0 for the others: X^T (X X^T)^-1 e. */
export function answers(rows: readonly Vector[], at: number): number[] {
  const n = rows.length;
  const product = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
  const system = rows.map((row, i) => [...rows.map((other) => product(row, other)), i === at ? 1 : 0]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column; i < n; i++) {
      if (Math.abs(system[i]?.[column] ?? 0) > Math.abs(system[pivot]?.[column] ?? 0)) pivot = i;
    }
    const [chosen = [], swapped = []] = [system[pivot], system[column]];
    [system[column], system[pivot]] = [chosen, swapped];
    for (const [i, row] of system.entries()) {
      if (i === column) continue;
      const factor = (row[column] ?? 0) / (chosen[column] ?? 1);
      system[i] = row.map((value, k) => value - factor * (chosen[k] ?? 0));
    }
  }
  const weights = system.map((row, i) => (row[n] ?? 0) / (row[i] ?? 1));
  return (rows[0] ?? []).map((_, dim) => rows.reduce((sum, row, i) => sum + (weights[i] ?? 0) * (row[dim] ?? 0), 0));
}

/** A tiny LLaVA one patch of whose picture the class row of the encoder's first layer attends to. */
import { join } from 'node:path';
import { layerNorm, parametersOf } from '../reference/vectors';
import { answers } from './planted-sinks';
import { writeSafetensors } from '../safetensors-file';
import { tinyTensors, writeConfig } from './tiny-models';
import { normalisedPicture, tinyLlava, tinyPixels, writePng, writeProcessor } from './tiny-vision';
import { writeVisionTokenizer } from './tokenizers';

/** Score of the patch in the first head; those of the others are 0. */
const strength = 30;

/** Writes the model and its picture, and gives the picture's path. */
export function writePlantedPatch(folder: string, patch: number): string {
  const tiny = tinyLlava();
  const tensors = tinyTensors(tiny);
  const pixels = tinyPixels(12, 12);
  const parameters = parametersOf(tensors);
  const run = tiny.encode(parameters, normalisedPicture(pixels, tiny.processor));
  const at = 'vision_tower.vision_model.encoder.layers.0';
  const norm = { ...parameters, vector: (name: string) => parameters.vector(`${at}.${name}`) };
  const rows = layerNorm(norm, 'layer_norm1', run.states[0] ?? [], 1e-5);
  const data = (name: string): Float32Array => {
    const found = tensors.get(`${at}.self_attn.${name}`)?.data;
    if (!found) throw new Error(`the checkpoint has no "${name}"`);
    return found;
  };
  for (const projection of ['q_proj', 'k_proj'])
    for (const part of ['weight', 'bias']) data(`${projection}.${part}`).fill(0);
  const width = rows[0]?.length ?? 0;
  // Three heads: q . k / sqrt(width / 3) of the first is `strength` for the patch.
  data('q_proj.bias')[0] = strength * Math.sqrt(width / 3);
  data('k_proj.weight').set(answers(rows, 1 + patch), 0);
  writeConfig(folder, tiny.config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  writeProcessor(folder, tiny);
  writeVisionTokenizer(folder);
  return writePng(join(folder, 'picture.png'), pixels);
}

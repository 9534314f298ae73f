/**
 * A tiny LLaVA whose answer reads one patch: the first head of its first layer reads that patch alone where the prompt ends, and no
 * other head writes anything.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parametersOf, rmsNorm, type Vector } from '../reference/vectors';
import { answers } from './planted-sinks';
import { writeSafetensors } from '../safetensors-file';
import { tinyTensors, writeConfig } from './tiny-models';
import { normalisedPicture, tinyLlava, tinyPixels, writePng, writeProcessor } from './tiny-vision';

/** Token 60 is the picture. */
export const relevancePrompt: readonly number[] = [3, 17, 60, 9, 22, 41];
/** Score of the patch; those of the others are 0. */
const strength = 30;

/** Writes the model and its picture, and gives the picture's path. */
export function writeReadingPatch(folder: string, patch: number): string {
  mkdirSync(folder, { recursive: true });
  const tiny = tinyLlava();
  const tensors = tinyTensors(tiny);
  const pixels = tinyPixels(12, 12);
  const data = (name: string): Float32Array => {
    const found = tensors.get(`language_model.model.${name}`)?.data;
    if (!found) throw new Error(`the checkpoint has no "${name}"`);
    return found;
  };
  const parameters = parametersOf(tensors);
  const features = tiny.features(parameters, normalisedPicture(pixels, tiny.processor));
  const table = parameters.matrix('language_model.model.embed_tokens.weight');
  const rows = relevancePrompt.flatMap((id): readonly Vector[] =>
    id === tiny.imageToken ? features : [table[id] ?? []],
  );
  const gain = parameters.vector('language_model.model.layers.0.input_layernorm.weight');
  const { rms_norm_eps: epsilon, num_attention_heads: heads } = tiny.config['text_config'] as Record<string, number>;
  const normed = rows.map((row) => rmsNorm(row, gain, epsilon ?? 0));
  const width = normed[0]?.length ?? 0;
  const headDim = width / (heads ?? 1);
  const first = 'layers.0.self_attn';
  // The last plane turns least: over this prompt it hardly does.
  const slow = headDim / 2 - 1;
  for (const name of ['q_proj', 'k_proj']) data(`${first}.${name}.weight`).fill(0);
  const scaled = (values: readonly number[], factor: number) => values.map((value) => value * factor);
  data(`${first}.q_proj.weight`).set(
    scaled(answers(normed, normed.length - 1), strength * Math.sqrt(headDim)),
    slow * width,
  );
  const at = relevancePrompt.indexOf(tiny.imageToken) + patch;
  data(`${first}.k_proj.weight`).set(answers(normed, at), slow * width);
  const output = data(`${first}.o_proj.weight`);
  output.forEach((value, place) => (output[place] = place % width < headDim ? 8 * value : 0));
  data('layers.1.self_attn.o_proj.weight').fill(0);
  writeConfig(folder, tiny.config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  writeProcessor(folder, tiny);
  return writePng(join(folder, 'picture.png'), pixels);
}

/**
 * A CLIP of tiny size whose weights are written by hand. In the last layer of its vision encoder the class row reads all patches
 * evenly: L2H1 writes how red they are along the text `#7`, and L2H0 how green they are along the text `#8`. Nothing else is written.
 * The text `#9` lies along a direction of its own, which no head writes.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedTensors } from './planted-tensors';
import { clipWidth, tinyPair, type TinyPair } from './tiny-pairs';

export const redHead = { layer: 2, head: 1 } as const;
export const greenHead = { layer: 2, head: 0 } as const;
export const [redText, greenText, otherText] = ['#7', '#8', '#9'] as const;

const hidden = 24;
const headDim = 8;
const patch = 4;
/** Dimensions of the streams: what patches hold, what heads write, what the class row is made of, texts. */
const [red, green, written, classRow] = [0, 1, 5, 10] as const;

export function plantedConcept(): Checkpoint & { readonly pair: TinyPair } {
  // The text of one token: pooled at the largest id.
  const pair = tinyPair('clip', { eos_token_id: 2 });
  const { tensors, put } = plantedTensors();
  const setters = new Map(
    Object.entries(pair.shapes).map(([name, shape]) => [
      name,
      put(name, shape, /norm\d?\.weight$|layrnorm\.weight$|final_layer_norm\.weight$/.test(name) ? 1 : 0),
    ]),
  );
  const set = (name: string, row: number, column: number, value: number): void => {
    const own = setters.get(name);
    if (!own) throw new Error(`no tensor ${name}`);
    own(row, column, value);
  };
  // Means of a channel over a patch; the kernel is [hidden, 3, patch, patch].
  const kernel = tensors.get('vision_model.embeddings.patch_embedding.weight');
  for (const [dimension, channel] of [
    [red, 0],
    [green, 1],
  ] as const) {
    const size = patch * patch;
    const start = (dimension * 3 + channel) * size;
    kernel?.data.fill(1 / size, start, start + size);
  }
  // Two numbers that keep the scale of every row nearly the same.
  for (let row = 0; row <= 9; row++) {
    set('vision_model.embeddings.position_embedding.weight', row, classRow, 9);
    set('vision_model.embeddings.position_embedding.weight', row, classRow + 1, -9);
  }
  const at = `vision_model.encoder.layers.${redHead.layer}.self_attn`;
  for (const [{ head }, from, to] of [
    [redHead, red, written],
    [greenHead, green, written + 1],
  ] as const) {
    set(`${at}.v_proj.weight`, head * headDim, from, 1);
    set(`${at}.out_proj.weight`, to, head * headDim, 1);
  }
  for (let out = 0; out < 3; out++) {
    if (out < 2) set('visual_projection.weight', out, written + out, 1);
    set('text_model.embeddings.token_embedding.weight', 7 + out, 1 + out, 1);
    set('text_projection.weight', out, 1 + out, 1);
    // A LayerNorm takes the mean out: what it adds to every number cancels.
    set('text_projection.weight', out, hidden - 1, -1);
  }
  if (clipWidth < 3) throw new Error('the space is too narrow');
  return { config: pair.config, tensors, pair };
}

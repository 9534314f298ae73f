/** Small dictionaries of features on the disk, whose numbers follow from a formula. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from './safetensors-file';

/** Numbers between -1 and 1 that look drawn at random. */
export const scattered = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, at) => Math.sin(12.9898 * (at + 1) + 78.233 * seed));

export interface WrittenTensors {
  readonly [name: string]: { readonly shape: readonly number[]; readonly data: Float32Array };
}

/** Tensors of a JumpReLU dictionary of `width` numbers. */
export const scatteredTensors = (width: number, features: number): WrittenTensors => ({
  W_enc: { shape: [width, features], data: scattered(width * features, 1) },
  W_dec: { shape: [features, width], data: scattered(features * width, 2) },
  b_enc: { shape: [features], data: scattered(features, 3) },
  b_dec: { shape: [width], data: scattered(width, 4) },
  threshold: { shape: [features], data: scattered(features, 5).map(Math.abs) },
});

export function writeDictionary(folder: string, settings: object, tensors: WrittenTensors): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'cfg.json'), `${JSON.stringify(settings, undefined, 2)}\n`);
  writeSafetensors(join(folder, 'sae_weights.safetensors'), new Map(Object.entries(tensors)));
  return folder;
}

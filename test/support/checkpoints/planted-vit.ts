/**
 * A vision transformer of three layers of three heads that tells red pictures from blue ones by one head: L2H0 brings the mean of the
 * patches' red and blue to the class row, where the classifier reads them. L0H1 adds to a channel that no class reads, L1H2 reads
 * colours and writes nothing, all other heads and the networks are 0. Patches carry red and blue in channels 0 and 1.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { Checkpoint } from './planted-circuit';
import { squareProcessor, tinyTower, writePng } from './tiny-vision';
import { writeSafetensors, type CheckpointTensor } from '../safetensors-file';
import { writeConfig } from './tiny-models';

export const vitSide = 12;
const [hidden, headDim, patch] = [24, 8, 4];

export const deciding = { layer: 2, head: 0 } as const;
export const silent = { layer: 1, head: 2 } as const;

export function plantedVit(): Checkpoint {
  const { config, shapes } = tinyTower('vit', vitSide);
  const all = { ...shapes, 'classifier.weight': [2, hidden], 'classifier.bias': [2] };
  const tensors = new Map<string, CheckpointTensor>(
    Object.entries(all).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, axis) => product * axis, 1));
      return [name, { shape, data: /layernorm.*\.weight$/.test(name) ? data.fill(1) : data }];
    }),
  );
  const set = (name: string, row: number, column: number, value: number): void => {
    const { shape, data } = tensors.get(name) ?? { shape: [], data: new Float32Array(0) };
    data[row * (shape[1] ?? 1) + column] = value;
  };
  tensors.get('vit.embeddings.cls_token')?.data.fill(1, 2, 3);
  const projection = tensors.get('vit.embeddings.patch_embeddings.projection.weight')?.data;
  for (const [channel, colour] of [
    [0, 0],
    [1, 2],
  ] as const) {
    const start = (channel * 3 + colour) * patch * patch;
    projection?.fill(1 / patch ** 2, start, start + patch * patch);
  }
  const value = (layer: number, row: number, channel: number): void =>
    set(`vit.encoder.layer.${layer}.attention.attention.value.weight`, row, channel, 1);
  const output = (layer: number, channel: number, from: number, by: number): void =>
    set(`vit.encoder.layer.${layer}.attention.output.dense.weight`, channel, from, by);
  value(2, 0, 0);
  value(2, 1, 1);
  output(2, 0, 0, 2);
  output(2, 1, 1, 2);
  value(0, headDim, 2);
  output(0, 5, headDim, 1);
  value(1, 2 * headDim, 0);
  set('classifier.weight', 0, 0, 1);
  set('classifier.weight', 0, 1, -1);
  set('classifier.weight', 1, 0, -1);
  set('classifier.weight', 1, 1, 1);
  return {
    config: {
      ...config,
      architectures: ['ViTForImageClassification'],
      id2label: { 0: 'red', 1: 'blue' },
    },
    tensors,
  };
}

/** A folder for each colour, of pictures of one colour at several strengths; and the processor of the model. */
export function writeColours(folder: string, perClass: number): string {
  for (const [colour, channel] of [
    ['red', 0],
    ['blue', 2],
  ] as const) {
    mkdirSync(join(folder, colour), { recursive: true });
    for (let i = 0; i < perClass; i++) {
      const data = new Uint8Array(vitSide * vitSide * 3);
      for (let at = channel; at < data.length; at += 3) data[at] = 255 - 8 * i - ((at * 7) % 5);
      writePng(join(folder, colour, `${i}.png`), { width: vitSide, height: vitSide, data });
    }
  }
  return folder;
}

/** Written to a new folder with its processor, and opened. */
export function openVit(folder: string, { config, tensors }: Checkpoint, side: number): Promise<LoadedModel> {
  writeConfig(folder, config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(squareProcessor('ViTImageProcessor', side)));
  return openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
}

/** A tiny checkpoint whose matrices are blocks of a format of ggml, beside the same numbers in float32. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredTensor, StoredWeights } from '../../../models/architectures/stored-weights';
import { ggufFormat } from '../../../models/formats/number-formats/gguf-formats';
import { numbersOfBlocks, randomBlocks } from '../reference/gguf-numbers';
import { writeSafetensors, type CheckpointTensor } from '../safetensors-file';
import { randomCheckpoint } from './tiny-experts';
import { writeConfig } from './tiny-models';

/** Numbers from 0 to 1. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

const isMatrix = ({ shape }: CheckpointTensor, block: number): boolean =>
  shape.length > 1 && (shape.at(-1) ?? 1) % block === 0;

/**
 * Writes a folder in float32 that openModel reads, and `blocks.bin` beside it. The weights that it returns have the matrices from there
 * and everything else from `plain`, the tensors of the folder.
 */
export function writeEncodedTiny(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  formatOf: (name: string) => string,
  transposed: (name: string) => boolean = () => false,
): (plain: StoredWeights) => StoredWeights {
  const checkpoint = randomCheckpoint(config);
  const tensors = new Map<string, CheckpointTensor>();
  const encoded = new Map<string, Omit<StoredTensor, 'location'> & { readonly location: string }>();
  const pieces: Uint8Array[] = [];
  let offset = 0;
  const random = uniform(5);
  for (const [name, tensor] of checkpoint.tensors) {
    const turned = transposed(name);
    const shape = turned ? tensor.shape.toReversed() : tensor.shape;
    if (!isMatrix({ ...tensor, shape }, 32)) {
      tensors.set(name, tensor);
      continue;
    }
    const format = formatOf(name);
    const columns = shape.at(-1) ?? 1;
    const bytes = randomBlocks(format, tensor.data.length, random, columns ** -0.5);
    const numbers = Float32Array.from(numbersOfBlocks(format, bytes));
    const rows = numbers.length / columns;
    const data = turned
      ? Float32Array.from(
          { length: numbers.length },
          (_, at) => numbers[(at % rows) * columns + Math.floor(at / rows)]!,
        )
      : numbers;
    tensors.set(name, { shape: tensor.shape, data });
    const place = { location: 'blocks.bin', offset, length: bytes.length };
    encoded.set(name, {
      ...{ name, dtype: format, shape: tensor.shape, ...place },
      encoded: {
        format: ggufFormat(format)!,
        parts: { blocks: place },
        ...(turned ? { transposed: true } : {}),
      },
    });
    pieces.push(bytes);
    offset += bytes.length;
  }
  writeConfig(folder, checkpoint.config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  writeFileSync(join(folder, 'blocks.bin'), Buffer.concat(pieces));
  return (plain) => ({ find: (name) => encoded.get(name) ?? plain.find(name) });
}

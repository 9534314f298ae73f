/** Writes safetensors files: 8 bytes of header length, JSON header, data. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBfloat16, fromHalf, toBfloat16, toHalf } from '../../kernels/tensors/half';

export type StoredType = 'F32' | 'F16' | 'BF16';

export interface CheckpointTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type Tensors = ReadonlyMap<string, CheckpointTensor>;

export function writeSafetensors(path: string, tensors: Tensors, type: StoredType = 'F32'): void {
  writeFileSync(path, safetensorsBytes(tensors, type));
}

export function safetensorsBytes(tensors: Tensors, type: StoredType = 'F32'): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const [name, tensor] of tensors) {
    const bytes = encode(tensor.data, type);
    header[name] = { dtype: type, shape: tensor.shape, data_offsets: [offset, offset + bytes.length] };
    pieces.push(bytes);
    offset += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...pieces]);
}

/** The tensors split over `count` shards with an index, as published checkpoints are cut. */
export function writeShards(folder: string, tensors: Tensors, count: number, type: StoredType = 'F32'): string[] {
  const names = Array.from(
    { length: count },
    (_, at) => `model-${String(at + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`,
  );
  const shards = names.map(() => new Map<string, CheckpointTensor>());
  const weight_map: Record<string, string> = {};
  let bytes = 0;
  [...tensors].forEach(([name, tensor], at) => {
    shards[at % count]?.set(name, tensor);
    weight_map[name] = names[at % count] ?? '';
    bytes += tensor.data.length * (type === 'F32' ? 4 : 2);
  });
  shards.forEach((shard, at) => writeSafetensors(join(folder, names[at] ?? ''), shard, type));
  const index = { metadata: { total_size: bytes }, weight_map };
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  return names;
}

/** The numbers that a reader of the file sees: rounded to the stored type. */
export function roundTo(data: Float32Array, type: StoredType): Float32Array {
  if (type === 'F32') return data;
  const view = encode(data, type);
  const bits = new Uint16Array(view.buffer, view.byteOffset, data.length);
  return Float32Array.from(bits, type === 'F16' ? fromHalf : fromBfloat16);
}

function encode(data: Float32Array, type: StoredType): Uint8Array {
  if (type === 'F32') return new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
  const bits = Uint16Array.from(data, (number) => (type === 'F16' ? toHalf(number) : toBfloat16(number)));
  return new Uint8Array(bits.buffer);
}

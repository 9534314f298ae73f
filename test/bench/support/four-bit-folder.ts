/** Random llamas whose linear maps are in 4 bits with groups of 128, as AWQ and GPTQ store them, written in pieces. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { toHalf } from '../../../kernels/tensors/half';
import { uniform } from '../../support/checkpoints/encoded-tiny';
import { configOf, hiddenOf, shapesOf, type SyntheticModel } from './synthetic-model';

const productOf = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

/** Writes `bytes` bytes that repeat those of `pool`. */
function repeat(file: number, pool: Uint8Array, bytes: number): void {
  for (let done = 0; done < bytes; done += pool.length) writeSync(file, pool.subarray(0, bytes - done));
}

/** Embedding, norms and head are in F16. Gives the bytes of all tensors. */
export function writeFourBitFolder(folder: string, model: SyntheticModel, method: 'awq' | 'gptq'): number {
  const group = 128;
  const random = uniform(4);
  const parts = shapesOf(model).flatMap(([name, shape]) => {
    const [rows = 1, columns = 1] = shape;
    if (!/_proj\.weight$/.test(name)) return [{ name, dtype: 'F16', shape }];
    const module = name.replace(/weight$/, '');
    const groups = columns / group;
    const qweight = method === 'awq' ? [columns, rows / 8] : [columns / 8, rows];
    return [
      { name: `${module}qweight`, dtype: 'I32', shape: qweight },
      { name: `${module}qzeros`, dtype: 'I32', shape: [groups, rows / 8] },
      { name: `${module}scales`, dtype: 'F16', shape: [groups, rows] },
      ...(method === 'gptq' ? [{ name: `${module}g_idx`, dtype: 'I32', shape: [columns] }] : []),
    ];
  });
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const { name, dtype, shape } of parts) {
    const end = offset + productOf(shape) * (dtype === 'F16' ? 2 : 4);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  mkdirSync(folder, { recursive: true });
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, Buffer.concat([length, json]));
  // No nibble of a zero point is 15, to which the first version of GPTQ would add one.
  const codes = Uint8Array.from({ length: 2 ** 20 }, () => Math.floor(random() * 256));
  const zeros = Uint8Array.from({ length: 2 ** 20 }, () => 0x77);
  const halves = (make: () => number): Uint8Array =>
    new Uint8Array(Uint16Array.from({ length: 2 ** 19 }, () => toHalf(make())).buffer);
  const deviation = 1 / Math.sqrt(hiddenOf(model));
  const [ones, scales, numbers] = [
    halves(() => 1),
    halves(() => ((0.6 + 0.8 * random()) * deviation) / 8),
    halves(() => (2 * random() - 1) * deviation),
  ];
  for (const { name, dtype, shape } of parts) {
    const bytes = productOf(shape) * (dtype === 'F16' ? 2 : 4);
    if (name.endsWith('g_idx')) {
      writeSync(
        file,
        Uint32Array.from({ length: shape[0] ?? 0 }, (_, column) => Math.floor(column / group)),
      );
    } else if (name.endsWith('qweight')) repeat(file, codes, bytes);
    else if (name.endsWith('qzeros')) repeat(file, zeros, bytes);
    else repeat(file, name.endsWith('scales') ? scales : shape.length === 1 ? ones : numbers, bytes);
  }
  closeSync(file);
  const quantization_config =
    method === 'awq'
      ? { quant_method: 'awq', bits: 4, group_size: group, zero_point: true, version: 'gemm' }
      : { quant_method: 'gptq', bits: 4, group_size: group, desc_act: false, sym: false };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...configOf(model), quantization_config }));
  return offset;
}

/** bitsandbytes as transformers saves it: 4 bits by a table, with the state of the quantiser in JSON, and int8 with the largest magnitude of a row. */
import { bytesOf, floats, type Matrix, type RawTensor, type WrittenMatrix } from './matrix';

/** 16 numbers, from the table of the paper (arXiv:2305.14314, appendix E) and that of FP4 as the package writes it. */
const tables = {
  nf4: [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ],
  fp4: [0, 0.0625, 8, 12, 4, 6, 2, 3, 0, -0.0625, -8, -12, -4, -6, -2, -3].map((twelfths) => twelfths / 12),
} as const;

/** A table for scales in a byte: 256 numbers from -1 to 1. */
const nestedTable = Float32Array.from({ length: 256 }, (_, i) => ((i - 127) / 128) * Math.abs((i - 127) / 128));

const nearest = (table: ArrayLike<number>, value: number): number => {
  let best = 0;
  for (let i = 1; i < table.length; i++) {
    if (Math.abs((table[i] ?? 0) - value) < Math.abs((table[best] ?? 0) - value)) best = i;
  }
  return best;
};

export function tableMatrix(
  { data, rows, columns }: Matrix,
  {
    type,
    double = false,
    block = 64,
  }: { readonly type: 'nf4' | 'fp4'; readonly double?: boolean; readonly block?: number },
): WrittenMatrix {
  const table = Float32Array.from(tables[type]);
  const count = rows * columns;
  const blocks = Math.ceil(count / block);
  const sizes = Float32Array.from({ length: blocks }, (_, at) => {
    let size = 0;
    for (let i = at * block; i < Math.min(count, (at + 1) * block); i++) size = Math.max(size, Math.abs(data[i] ?? 0));
    return size;
  });
  const offset = Math.fround(sizes.reduce((sum, size) => sum + size, 0) / blocks);
  const outer = Float32Array.from({ length: Math.ceil(blocks / 256) }, (_, at) =>
    Math.max(...sizes.subarray(at * 256, (at + 1) * 256).map((size) => Math.abs(size - offset)), 1e-6),
  );
  const inner = Uint8Array.from(sizes, (size, at) => nearest(nestedTable, (size - offset) / (outer[at >> 8] ?? 1)));
  const sizeOf = (at: number): number =>
    double ? (nestedTable[inner[at] ?? 0] ?? 0) * (outer[at >> 8] ?? 0) + offset : (sizes[at] ?? 0);
  const numbers = new Float64Array(count);
  const packed = new Uint8Array(Math.ceil(count / 2));
  for (let i = 0; i < count; i++) {
    const size = sizeOf(Math.floor(i / block));
    const code = nearest(table, (data[i] ?? 0) / size);
    numbers[i] = (table[code] ?? 0) * size;
    packed[i >> 1]! |= i % 2 === 0 ? code << 4 : code;
  }
  const state = {
    ...{ quant_type: type, blocksize: block, dtype: 'bfloat16', shape: [rows, columns] },
    ...(double ? { nested_blocksize: 256, nested_dtype: 'float32', nested_offset: offset } : {}),
  };
  const json = new TextEncoder().encode(JSON.stringify(state));
  return {
    numbers,
    tensors: {
      '.weight': bytesOf(packed, [packed.length, 1]),
      '.weight.absmax': double ? bytesOf(inner, [blocks]) : floats(sizes, [blocks], 'F32'),
      '.weight.quant_map': floats(table, [16], 'F32'),
      ...(double
        ? {
            '.weight.nested_absmax': floats(outer, [outer.length], 'F32'),
            '.weight.nested_quant_map': floats(nestedTable, [256], 'F32'),
          }
        : {}),
      [`.weight.quant_state.bitsandbytes__${type}`]: bytesOf(json, [json.length]),
    },
  };
}

export function rowMatrix({ data, rows, columns }: Matrix): WrittenMatrix {
  const sizes = Float32Array.from({ length: rows }, (_, row) => {
    let size = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) size = Math.max(size, Math.abs(data[i] ?? 0));
    return size;
  });
  const codes = Int8Array.from({ length: rows * columns }, (_, i) =>
    Math.round(((data[i] ?? 0) * 127) / (sizes[Math.floor(i / columns)] ?? 1)),
  );
  const weight: RawTensor = { dtype: 'I8', shape: [rows, columns], bytes: new Uint8Array(codes.buffer) };
  return {
    numbers: Float64Array.from(codes, (code, i) => (code * (sizes[Math.floor(i / columns)] ?? 0)) / 127),
    tensors: { '.weight': weight, '.SCB': floats(sizes, [rows], 'F32'), '.weight_format': bytesOf([0], []) },
  };
}

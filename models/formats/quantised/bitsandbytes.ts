/**
 * 4 bits of bitsandbytes (arXiv:2305.14314): the numbers of the whole matrix, two in a byte, the upper half first. A number is an entry of
 * a table times the largest magnitude in its block. With double quantisation that magnitude is a byte too.
 */
import type { EncodedRows, NumberFormat, NumberTable } from '../number-formats/number-format';
import { QuantisedWeightsError, type ModuleParts, type PartTensor, type Suffix } from './module-parts';
import { numbersOf } from './part-bytes';
import type { QuantisedMatrix } from './quantised-matrix';

export async function tableMatrix<T extends PartTensor>(parts: ModuleParts<T>): Promise<QuantisedMatrix<T>> {
  const codes = parts.need('.weight');
  const sizes = parts.need('.weight.absmax');
  const map = parts.need('.weight.quant_map');
  const isNormal = parts.get('.weight.quant_state.bitsandbytes__nf4') !== undefined;
  const stateName: Suffix = `.weight.quant_state.bitsandbytes__${isNormal ? 'nf4' : 'fp4'}`;
  const state = stateOf(parts.need(stateName).name, await parts.bytes(parts.need(stateName)));
  const [rows, columns, block] = [state.shape[0] ?? 0, state.shape[1] ?? 0, state.block];
  const count = rows * columns;
  if (codes.length !== Math.ceil(count / 2)) {
    throw new QuantisedWeightsError(
      `${codes.name} has ${codes.length} bytes, but [${rows}, ${columns}] in 4 bits needs ${Math.ceil(count / 2)}. The file is damaged; fetch the checkpoint again.`,
    );
  }
  const blocks = Math.ceil(count / block);
  parts.requireShape(sizes, [blocks], `[${rows}, ${columns}] in blocks of ${block}`);
  parts.requireShape(map, [16], '4 bits');
  parts.requireType(map, 'F32');
  const isOrdinary = (await parts.numbers(map)).every(
    (number, code) => number === tables[isNormal ? 'NF4' : 'FP4'][code],
  );
  const name = isNormal ? 'NF4' : 'FP4';
  if (sizes.dtype !== 'U8') {
    parts.requireType(sizes, 'F32');
    await parts.requireNumbers(sizes);
    return {
      shape: [rows, columns],
      format: tableFormat({ name, columns, block, isOrdinary }),
      parts: { codes, sizes, table: map },
    };
  }
  const [nestedSizes, nestedTable] = [parts.need('.weight.nested_absmax'), parts.need('.weight.nested_quant_map')];
  const { nested } = state;
  parts.requireShape(nestedSizes, [Math.ceil(blocks / nested.block)], `${blocks} scales in blocks of ${nested.block}`);
  parts.requireShape(nestedTable, [256], '8 bits');
  await parts.requireNumbers(nestedSizes);
  await parts.requireNumbers(nestedTable);
  return {
    shape: [rows, columns],
    format: tableFormat({ name, columns, block, isOrdinary, nested }),
    parts: { codes, sizes, table: map, nestedSizes, nestedTable },
  };
}

/** The JSON that bitsandbytes writes beside a matrix. */
function stateOf(name: string, bytes: Uint8Array) {
  let value: Readonly<Record<string, unknown>> | undefined;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof parsed === 'object' && parsed !== null) value = parsed as Readonly<Record<string, unknown>>;
  } catch {
    // The checks below refuse it.
  }
  const whole = (key: string, fallback?: number): number => {
    const number = value?.[key] ?? fallback;
    if (typeof number === 'number' && Number.isInteger(number) && number > 0) return number;
    throw new QuantisedWeightsError(`${name} has no usable ${key}. The file is damaged; fetch the checkpoint again.`);
  };
  const shape: readonly unknown[] = Array.isArray(value?.['shape']) ? value['shape'] : [];
  if (shape.length !== 2 || !shape.every((size) => typeof size === 'number' && Number.isInteger(size) && size > 0)) {
    throw new QuantisedWeightsError(
      `${name} says the shape [${shape.map(String).join(', ')}], but a matrix has two axes. The file is damaged; fetch the checkpoint again.`,
    );
  }
  const offset = value?.['nested_offset'];
  return {
    shape: shape as readonly number[],
    block: whole('blocksize'),
    nested: { block: whole('nested_blocksize', 256), offset: typeof offset === 'number' ? offset : 0 },
  };
}

interface TableMatrix {
  readonly name: NumberTable;
  readonly columns: number;
  readonly block: number;
  /** The table is that of MatMulBnb4. */
  readonly isOrdinary: boolean;
  /** Double quantisation: how many magnitudes share a magnitude of their own, and the offset that is added to all. */
  readonly nested?: { readonly block: number; readonly offset: number };
}

/** Those of bitsandbytes, which MatMulBnb4 has too (onnxruntime 1.30). */
const tables: Readonly<Record<NumberTable, Float32Array>> = {
  NF4: Float32Array.of(
    ...[-1, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.091050036, 0],
    ...[0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1],
  ),
  FP4: Float32Array.from({ length: 16 }, (_, code) => {
    const size = ([0, 0.0625, 8, 12, 4, 6, 2, 3][code & 7] ?? 0) / 12;
    return code > 7 ? -size : size;
  }),
};

function tableFormat({ name, columns, block, isOrdinary, nested }: TableMatrix): NumberFormat {
  // Blocks run through all rows, one after the other.
  const isByRow = columns % block === 0 && columns % 2 === 0;
  const rowBlocks = columns / block;
  const firstBlock = (first: number): number => (isByRow ? first * rowBlocks : 0);
  const widen = ({ parts, first, count }: EncodedRows): Float32Array => {
    const codes = parts['codes']!;
    const table = numbersOf(parts['table']!, 'F32');
    const sizeOf = sizesOf(parts, firstBlock(first), nested);
    const out = new Float32Array(count * columns);
    const start = isByRow ? 0 : first * columns;
    for (let i = 0; i < out.length; i++) {
      const at = start + i;
      const code = at & 1 ? codes[at >>> 1]! & 15 : codes[at >>> 1]! >>> 4;
      out[i] = table[code]! * sizeOf(Math.floor(at / block));
    }
    return out;
  };
  const isMultiplied = isOrdinary && isByRow && block >= 16 && Number.isInteger(Math.log2(block));
  return {
    name,
    byRow: isByRow ? ['codes', 'sizes'] : [],
    decoder: isMultiplied
      ? {
          ...{ kind: 'table', table: name, block, widen },
          codes: ({ parts, first, count }) => {
            const sizeOf = sizesOf(parts, firstBlock(first), nested);
            return {
              codes: parts['codes']!,
              sizes: Float32Array.from({ length: count * rowBlocks }, (_, at) => sizeOf(at)),
            };
          },
        }
      : { kind: 'wide', widen },
  };
}

/** The largest magnitude of each block, `first` being the first one of the part `sizes`. */
function sizesOf(parts: EncodedRows['parts'], first: number, nested: TableMatrix['nested']): (block: number) => number {
  if (nested === undefined) {
    const sizes = numbersOf(parts['sizes']!, 'F32');
    return (block) => sizes[block]!;
  }
  const bytes = parts['sizes']!;
  const table = numbersOf(parts['nestedTable']!, 'F32');
  const outer = numbersOf(parts['nestedSizes']!, 'F32');
  return (block) => table[bytes[block]!]! * outer[Math.floor((first + block) / nested.block)]! + nested.offset;
}

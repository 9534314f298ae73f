/** Matrix products. */
import type { Dim, Shape } from '../dims';
import { broadcast, printShape } from '../dims';
import { float, int, type Value } from '../records';
import { describe, fail, sameType } from './checks';

/** Batched product of the last two axes: [..., m, k] x [..., k, n] -> [..., m, n]. */
export function matmul(a: Value, b: Value, name?: string): Value {
  sameType('MatMul', name, a, b);
  if (a.shape.length < 2 || b.shape.length < 2) {
    fail('MatMul', name, `both sides need two axes: ${describe(a)} and ${describe(b)}.`);
  }
  const inner = a.shape.at(-1);
  if (inner !== b.shape.at(-2)) {
    fail(
      'MatMul',
      name,
      `the inner axes differ: ${describe(a)} and ${describe(b)} (${inner} against ${b.shape.at(-2)}).`,
    );
  }
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!batch) fail('MatMul', name, `the batch axes do not broadcast: ${describe(a)} and ${describe(b)}.`);
  const shape = [...batch, a.shape.at(-2) ?? 1, b.shape.at(-1) ?? 1];
  return a.graph.node('MatMul', [a, b], [{ type: a.type, shape, name }])[0];
}

/**
 * scale * a' b' with optional transposition of the last two axes, in one pass (com.microsoft FusedMatMul): spares the
 * transposed copy of the keys. `rowsFirst`: b is [k, ..., n], its rows in front of the batch axes.
 */
export function fusedMatmul(
  a: Value,
  b: Value,
  options: {
    readonly transposeA?: boolean;
    readonly transposeB?: boolean;
    readonly rowsFirst?: boolean;
    readonly scale?: number;
  } = {},
  name?: string,
): Value {
  sameType('FusedMatMul', name, a, b);
  if (a.shape.length < 2 || b.shape.length < 2) {
    fail('FusedMatMul', name, `both sides need two axes: ${describe(a)} and ${describe(b)}.`);
  }
  const { rowsFirst = false } = options;
  const [first = 1, ...others] = b.shape;
  const right = rowsFirst ? [...others.slice(0, -1), first, ...others.slice(-1)] : b.shape;
  const [rows, innerA] = lastTwo(a.shape, options.transposeA ?? false);
  const [innerB, columns] = lastTwo(right, options.transposeB ?? false);
  if (innerA !== innerB) {
    fail(
      'FusedMatMul',
      name,
      `the inner axes differ: ${describe(a)} and ${describe(b)} (${innerA} against ${innerB}).`,
    );
  }
  const batch = broadcast(a.shape.slice(0, -2), right.slice(0, -2));
  if (!batch) fail('FusedMatMul', name, `the batch axes do not broadcast: ${describe(a)} and ${describe(b)}.`);
  return a.graph.node(
    'FusedMatMul',
    [a, b],
    [{ type: a.type, shape: [...batch, rows, columns], name }],
    {
      transA: int(options.transposeA ? 1 : 0),
      transB: int(options.transposeB ? 1 : 0),
      ...(rowsFirst ? { transBatchB: int(1) } : {}),
      alpha: float(options.scale ?? 1),
    },
    'com.microsoft',
  )[0];
}

const lastTwo = (shape: Shape, transposed: boolean): readonly [Dim, Dim] => {
  const rows = shape.at(-2) ?? 1;
  const columns = shape.at(-1) ?? 1;
  return transposed ? [columns, rows] : [rows, columns];
};

/** A matrix of integers of `bits` bits in blocks along its inputs, each with a factor of its own. */
export interface BlockwiseMatrix {
  readonly inputs: number;
  readonly outputs: number;
  readonly bits: 4 | 8;
  /** Inputs of one block: a power of two, 16 or more. The last block of a row is padded. */
  readonly block: number;
  /** uint8 [outputs, blocks, block * bits / 8]: the numbers of a byte begin in its low bits. */
  readonly values: Value;
  /** float32 [outputs * blocks], the type of the other side. */
  readonly scales: Value;
  /** uint8 [outputs * zeroPointBytes]: the number that stands for 0, in as many bits; absent: half of the range (128 or 8). */
  readonly zeroPoints?: Value | undefined;
}

/** Blocks of a row of inputs. */
export const blocksOf = (inputs: number, block: number): number => Math.ceil(inputs / block);

/** Bytes of the zero points of a row. */
export const zeroPointBytes = (blocks: number, bits: number): number => Math.ceil((blocks * bits) / 8);

/**
 * x [..., n, inputs] times the matrix -> [..., n, outputs] (com.microsoft MatMulNBits). `int8`: at level 4 the cpu rounds each block of
 * x to int8 and multiplies integers, in the same way for any n. `float`: at level 0 it multiplies float32. There is a kernel for 4 bits; a
 * matrix of 8 bits is widened at each call (docs/weights.md has the times). The session must not be opened with disable_prepacking.
 */
export function matmulBlockwise(
  x: Value,
  matrix: BlockwiseMatrix,
  activations: 'float' | 'int8',
  name?: string,
): Value {
  const { inputs, outputs, bits, block, values, scales, zeroPoints } = matrix;
  const blocks = blocksOf(inputs, block);
  if (x.shape.at(-1) !== inputs) {
    fail('MatMulNBits', name, `the inner axes differ: ${describe(x)} and a matrix of ${inputs} inputs.`);
  }
  const shapes = [
    [values, [outputs, blocks, (block * bits) / 8], 'uint8'],
    [scales, [outputs * blocks], x.type],
    ...(zeroPoints ? [[zeroPoints, [outputs * zeroPointBytes(blocks, bits)], 'uint8'] as const] : []),
  ] as const;
  for (const [value, shape, type] of shapes) {
    if (printShape(value.shape) !== printShape(shape) || value.type !== type) {
      fail('MatMulNBits', name, `${describe(value)} should be ${type} ${printShape(shape)}.`);
    }
  }
  return x.graph.node(
    'MatMulNBits',
    [x, values, scales, zeroPoints],
    [{ type: x.type, shape: [...x.shape.slice(0, -1), outputs], name }],
    {
      ...{ K: int(inputs), N: int(outputs), bits: int(bits), block_size: int(block) },
      accuracy_level: int(activations === 'int8' ? 4 : 0),
    },
    'com.microsoft',
  )[0];
}

/** Rows of a matrix of 4 or 8 bits, by row number, as float32 [..., columns] (com.microsoft GatherBlockQuantized). */
export function gatherBlockwise(
  ids: Value,
  {
    bits,
    block,
    values,
    scales,
    zeroPoints,
  }: Pick<BlockwiseMatrix, 'bits' | 'block' | 'values' | 'scales' | 'zeroPoints'>,
  name?: string,
): Value {
  const [rows, bytes] = values.shape;
  const columns = (Number(bytes) * 8) / bits;
  if (scales.shape[0] !== rows || scales.shape[1] !== blocksOf(columns, block)) {
    fail('GatherBlockQuantized', name, `${describe(scales)} does not scale ${bits} bits of ${describe(values)}.`);
  }
  return ids.graph.node(
    'GatherBlockQuantized',
    [values, ids, scales, zeroPoints],
    [{ type: scales.type, shape: [...ids.shape, columns], name }],
    { gather_axis: int(0), quantize_axis: int(1), block_size: int(block), bits: int(bits) },
    'com.microsoft',
  )[0];
}

/**
 * x [..., n, inputs] times a matrix of 4-bit codes for the numbers of a table -> [..., n, outputs] (com.microsoft MatMulBnb4). Codes
 * [outputs, inputs] lie one behind the other, two in a byte with the first in its upper half; `sizes` multiply blocks of them. On the cpu the
 * whole matrix is widened at each call, also for no rows (1.30).
 */
export function matmulTable(
  x: Value,
  {
    inputs,
    outputs,
    block,
    table,
    values,
    sizes,
  }: {
    readonly inputs: number;
    readonly outputs: number;
    readonly block: number;
    readonly table: 'NF4' | 'FP4';
    /** uint8 [outputs * inputs / 2] */
    readonly values: Value;
    /** float32 [outputs * inputs / block] */
    readonly sizes: Value;
  },
  name?: string,
): Value {
  if (x.shape.at(-1) !== inputs || sizes.shape[0] !== (outputs * inputs) / block) {
    fail(
      'MatMulBnb4',
      name,
      `${describe(x)} and ${describe(sizes)} do not fit [${outputs}, ${inputs}] in blocks of ${block}.`,
    );
  }
  return x.graph.node(
    'MatMulBnb4',
    [x, values, sizes],
    [{ type: x.type, shape: [...x.shape.slice(0, -1), outputs], name }],
    { K: int(inputs), N: int(outputs), block_size: int(block), quant_type: int(table === 'NF4' ? 1 : 0) },
    'com.microsoft',
  )[0];
}

/** alpha a' b' + beta c over two axes; `c` broadcasts. */
export function gemm(
  a: Value,
  b: Value,
  c: Value | undefined,
  options: {
    readonly transposeA?: boolean;
    readonly transposeB?: boolean;
    readonly alpha?: number;
    readonly beta?: number;
  } = {},
  name?: string,
): Value {
  sameType('Gemm', name, a, b, ...(c ? [c] : []));
  if (a.shape.length !== 2 || b.shape.length !== 2) {
    fail('Gemm', name, `takes two axes: ${describe(a)} and ${describe(b)}.`);
  }
  const [rows, innerA] = lastTwo(a.shape, options.transposeA ?? false);
  const [innerB, columns] = lastTwo(b.shape, options.transposeB ?? false);
  if (innerA !== innerB) fail('Gemm', name, `the inner axes differ: ${describe(a)} and ${describe(b)}.`);
  const shape = [rows, columns];
  if (c && printShape(broadcast(c.shape, shape) ?? []) !== printShape(shape)) {
    fail('Gemm', name, `${describe(c)} does not broadcast to ${printShape(shape)}.`);
  }
  return a.graph.node('Gemm', [a, b, c], [{ type: a.type, shape, name }], {
    transA: int(options.transposeA ? 1 : 0),
    transB: int(options.transposeB ? 1 : 0),
    alpha: float(options.alpha ?? 1),
    beta: float(options.beta ?? 1),
  })[0];
}

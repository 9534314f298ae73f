/** Matrix products. */
import type { Dim } from '../dims';
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
 * transposed copy of the keys.
 */
export function fusedMatmul(
  a: Value,
  b: Value,
  options: { readonly transposeA?: boolean; readonly transposeB?: boolean; readonly scale?: number } = {},
  name?: string,
): Value {
  sameType('FusedMatMul', name, a, b);
  if (a.shape.length < 2 || b.shape.length < 2) {
    fail('FusedMatMul', name, `both sides need two axes: ${describe(a)} and ${describe(b)}.`);
  }
  const [rows, innerA] = lastTwo(a, options.transposeA ?? false);
  const [innerB, columns] = lastTwo(b, options.transposeB ?? false);
  if (innerA !== innerB) {
    fail(
      'FusedMatMul',
      name,
      `the inner axes differ: ${describe(a)} and ${describe(b)} (${innerA} against ${innerB}).`,
    );
  }
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!batch) fail('FusedMatMul', name, `the batch axes do not broadcast: ${describe(a)} and ${describe(b)}.`);
  return a.graph.node(
    'FusedMatMul',
    [a, b],
    [{ type: a.type, shape: [...batch, rows, columns], name }],
    {
      transA: int(options.transposeA ? 1 : 0),
      transB: int(options.transposeB ? 1 : 0),
      alpha: float(options.scale ?? 1),
    },
    'com.microsoft',
  )[0];
}

const lastTwo = (value: Value, transposed: boolean): readonly [Dim, Dim] => {
  const rows = value.shape.at(-2) ?? 1;
  const columns = value.shape.at(-1) ?? 1;
  return transposed ? [columns, rows] : [rows, columns];
};

/** A matrix of integers of `bits` bits in blocks along its inputs, each with a factor of its own. */
export interface BlockwiseMatrix {
  readonly inputs: number;
  readonly outputs: number;
  readonly bits: 4 | 8;
  /** Inputs of one block: a power of two, 16 or more. The last block of a row is padded. */
  readonly block: number;
  /**
   * uint8 [outputs, blocks, block * bits / 8]: each number raised by half of the range (128 or 8); two of 4 bits in a byte, the
   * first in its low half.
   */
  readonly values: Value;
  /** float32 [outputs * blocks], the type of the other side. */
  readonly scales: Value;
}

/** Blocks of a row of inputs. */
export const blocksOf = (inputs: number, block: number): number => Math.ceil(inputs / block);

/**
 * x [..., n, inputs] times the matrix -> [..., n, outputs] (com.microsoft MatMulNBits). At level 4 the cpu rounds each block of x
 * to int8 and multiplies integers, alike for any n; at level 0 it multiplies float32, for one row in 12 to 98 times the time of 8 bits
 * and 2 to 3 times that of 4, near it for 512 rows (onnxruntime 1.30, AVX-512, 2026-11). A session may not be opened with
 * disable_prepacking.
 */
export function matmulBlockwise(x: Value, matrix: BlockwiseMatrix, name?: string): Value {
  const { inputs, outputs, bits, block, values, scales } = matrix;
  const blocks = blocksOf(inputs, block);
  if (x.shape.at(-1) !== inputs) {
    fail('MatMulNBits', name, `the inner axes differ: ${describe(x)} and a matrix of ${inputs} inputs.`);
  }
  const shapes = [
    [values, [outputs, blocks, (block * bits) / 8], 'uint8'],
    [scales, [outputs * blocks], x.type],
  ] as const;
  for (const [value, shape, type] of shapes) {
    if (printShape(value.shape) !== printShape(shape) || value.type !== type) {
      fail('MatMulNBits', name, `${describe(value)} should be ${type} ${printShape(shape)}.`);
    }
  }
  return x.graph.node(
    'MatMulNBits',
    [x, values, scales],
    [{ type: x.type, shape: [...x.shape.slice(0, -1), outputs], name }],
    { K: int(inputs), N: int(outputs), bits: int(bits), block_size: int(block), accuracy_level: int(4) },
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
  const [rows, innerA] = lastTwo(a, options.transposeA ?? false);
  const [innerB, columns] = lastTwo(b, options.transposeB ?? false);
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

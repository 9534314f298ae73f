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

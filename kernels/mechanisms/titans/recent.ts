/** Keys and values of the latest positions, which decoding carries in tensors of a fixed size. */
import type { GraphBuilder } from '../../graph/builder';
import { concat, reshape, slice } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { AttentionShape, Precision } from '../../shape';

/** A register [b, hkv, rows, width] as an input: the latest position last, zeros where there was none yet. */
export function takeRegister(
  builder: GraphBuilder,
  name: string,
  { batch, kvHeads }: AttentionShape,
  precision: Precision,
  size: readonly [rows: number, width: number],
): Value {
  return builder.input(name, precision, [batch, kvHeads, ...size]);
}

/** Hands a register on with one more row. */
export function shiftRegister(builder: GraphBuilder, name: string, register: Value, row: Value): void {
  const rows = Number(register.shape[2]);
  builder.output(rows === 1 ? row : concat([slice(register, 2, 1), row], 2), `next.${name}`);
}

/** The last `count` rows of a register and one more. */
export function latest(register: Value, count: number, row: Value): Value {
  const rows = Number(register.shape[2]);
  return count === 0 ? row : concat([slice(register, 2, rows - count), row], 2);
}

/** One query [b, h, 1, d] over keys and values [b, hkv, m, .], all of which it reads: [b, h, 1, dv]. */
export function attendAll(
  query: Value,
  key: Value,
  value: Value,
  { batch, heads, kvHeads, headDim, valueDim }: AttentionShape,
): Value {
  const rows = reshape(query, [batch, kvHeads, heads / kvHeads, headDim]);
  const scores = fusedMatmul(rows, key, { transposeB: true, scale: headDim ** -0.5 });
  return reshape(matmul(softmax(scores), value), [batch, heads, 1, valueDim]);
}

/** Gradient rules of matrix.ts: every product of matrices back is a FusedMatMul, which reads transposed operands in place. */
import {
  floatOf,
  inputOf,
  intOf,
  ofOutput,
  scaled,
  sumTo,
  type Applied,
  type GradientRules,
  type Pass,
} from './gradient-rule';
import { multiplyDims, type Dim } from '../dims';
import { GraphError, type Value } from '../records';
import { cast, floor, multiply, subtract } from './elementwise';
import { concat, reshape, slice, unsqueeze } from './layout';
import { fusedMatmul, zeroPointBytes } from './matrix';

interface Product {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly scale: number;
}

/** All axes but the last as one, where at most one name moves; else as it is. */
function asRows(x: Value): Value {
  const rows = x.shape.slice(0, -1).reduce<Dim>((product, dim) => multiplyDims(product, dim), 1);
  return reshape(x, [rows, x.shape.at(-1) ?? 1]);
}

/** y = scale a' b' with gradient g. */
function passesOf(a: Value, b: Value, g: Value, { transposeA, transposeB, scale }: Product): readonly Pass[] {
  const left = (): Value =>
    transposeA
      ? fusedMatmul(b, g, { transposeA: transposeB, transposeB: true, scale })
      : fusedMatmul(g, b, { transposeB: !transposeB, scale });
  const right = (): Value => {
    // A weight that every row reads: one product over all rows instead of one a batch.
    const shared = b.shape.length === 2 && a.shape.length > 2 && !transposeA;
    const [x, dy] = shared ? [asRows(a), asRows(g)] : [a, g];
    return transposeB
      ? fusedMatmul(dy, x, { transposeA: true, transposeB: transposeA, scale })
      : fusedMatmul(x, dy, { transposeA: !transposeA, scale });
  };
  return [() => sumTo(left(), a), () => sumTo(right(), b)];
}

/** Integers in rows of bytes as float numbers, the lower half of a byte first: [outputs, bytes] to [outputs, count]. */
function integersOf(bytes: Value, bits: number, type: Value['type']): Value {
  const numbers = cast(bytes, type);
  if (bits !== 4) return numbers;
  const [outputs = 1, count = 1] = bytes.shape;
  const high = floor(multiply(numbers, 1 / 16));
  const low = subtract(numbers, multiply(high, 16));
  return reshape(concat([unsqueeze(low, 2), unsqueeze(high, 2)], 2), [outputs, 2 * Number(count)]);
}

/** The matrix of a MatMulNBits as float numbers, [outputs, inputs]. */
function widened(applied: Applied): Value {
  const { node } = applied;
  const [x, values, scales] = [inputOf(applied, 0), inputOf(applied, 1), inputOf(applied, 2)];
  const zeroPoints = applied.inputs[3];
  const [outputs = 1, blocks = 1] = values.shape;
  const [bits, block, inputs] = [intOf(node, 'bits', 4), intOf(node, 'block_size', 32), intOf(node, 'K', 0)];
  const numbers = integersOf(reshape(values, [outputs, (Number(blocks) * block * bits) / 8]), bits, x.type);
  const zeroBytes = zeroPointBytes(Number(blocks), bits);
  const zeros =
    zeroPoints && slice(integersOf(reshape(zeroPoints, [outputs, zeroBytes]), bits, x.type), 1, 0, Number(blocks));
  const centred = subtract(
    reshape(numbers, [outputs, blocks, block]),
    zeros ? reshape(zeros, [outputs, blocks, 1]) : 2 ** (bits - 1),
  );
  const scaled = multiply(centred, reshape(scales, [outputs, blocks, 1]));
  return slice(reshape(scaled, [outputs, Number(blocks) * block]), 1, 0, inputs);
}

export const matrixRules: GradientRules = {
  MatMul: ofOutput((applied, g) =>
    passesOf(inputOf(applied, 0), inputOf(applied, 1), g, { transposeA: false, transposeB: false, scale: 1 }),
  ),
  FusedMatMul: ofOutput((applied, g) => {
    if (intOf(applied.node, 'transBatchB', 0) === 1)
      throw new GraphError('FusedMatMul has no gradient where rows lie in front of the batch axes.');
    return passesOf(inputOf(applied, 0), inputOf(applied, 1), g, {
      transposeA: intOf(applied.node, 'transA', 0) === 1,
      transposeB: intOf(applied.node, 'transB', 0) === 1,
      scale: floatOf(applied.node, 'alpha', 1),
    });
  }),
  // Only what the matrix is multiplied with has a gradient: the matrix itself is stored in integers.
  MatMulNBits: ofOutput((applied, g) => [() => fusedMatmul(g, widened(applied))]),
  Gemm: ofOutput((applied, g) => {
    const { node, inputs } = applied;
    const c = inputs[2];
    return [
      ...passesOf(inputOf(applied, 0), inputOf(applied, 1), g, {
        transposeA: intOf(node, 'transA', 0) === 1,
        transposeB: intOf(node, 'transB', 0) === 1,
        scale: floatOf(node, 'alpha', 1),
      }),
      c && (() => sumTo(scaled(g, floatOf(node, 'beta', 1)), c)),
    ];
  }),
};

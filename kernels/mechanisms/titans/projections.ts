/**
 * Projections of a layer that takes the outputs of another one: queries from each query head, keys and values from the joined
 * query heads of one key/value head (the heads of a group share their keys).
 */
import { reshape, transpose } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import type { Weight } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';

const weight = (name: string, shape: readonly [number, number, number]): Weight => ({
  name,
  shape,
  initial: { kind: 'normal', deviation: shape[1] ** -0.5 },
});

/** `<name>.query` [h, dv, d]. */
export const queryWeight = (name: string, { heads, headDim, valueDim }: AttentionShape): Weight =>
  weight(`${name}.query`, [heads, valueDim, headDim]);

/** `<name>.key` [hkv, g dv, d] and `<name>.value` [hkv, g dv, dv]. */
export const keyValueWeights = (
  name: string,
  { heads, kvHeads, headDim, valueDim }: AttentionShape,
): readonly Weight[] => {
  const joined = (heads / kvHeads) * valueDim;
  return [weight(`${name}.key`, [kvHeads, joined, headDim]), weight(`${name}.value`, [kvHeads, joined, valueDim])];
};

/** x W[head], row by row. */
export function projectRow(x: Float64Array, matrix: Tensor, head: number): Float64Array {
  const [, rows, columns] = matrix.shape as readonly [number, number, number];
  const output = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const from = (head * rows + row) * columns;
    for (let column = 0; column < columns; column++) output[column]! += x[row]! * matrix.data[from + column]!;
  }
  return output;
}

/** [b, h, n, dv] by a matrix for each of its `groups` groups of heads, whose rows are joined: [b, groups, n, columns]. */
export function project(x: Tensor, matrix: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape as readonly [number, number, number, number];
  const [groups, , columns] = matrix.shape as readonly [number, number, number];
  const group = heads / groups;
  const output = zeros([batch, groups, length, columns]);
  for (let at = 0; at < batch * groups; at++) {
    for (let i = 0; i < length; i++) {
      const joined = new Float64Array(group * width);
      for (let g = 0; g < group; g++) {
        const from = ((at * group + g) * length + i) * width;
        joined.set(x.data.subarray(from, from + width), g * width);
      }
      output.data.set(projectRow(joined, matrix, at % groups), (at * length + i) * columns);
    }
  }
  return output;
}

/** [b, hkv, g, n, width] with the heads of a group side by side: [b, hkv, n, g width]. */
function joinGroup(x: Value): Value {
  const [batch, kvHeads, group, length, width] = x.shape.map(Number) as [number, number, number, number, number];
  const ordered = group === 1 ? x : transpose(x, [0, 1, 3, 2, 4]);
  return reshape(ordered, [batch, kvHeads, length, group * width]);
}

/** The keys and values [b, hkv, n, .] of outputs [b, hkv, g, n, dv], by `<name>.key` and `<name>.value`. */
export function projectGroup(
  x: Value,
  weights: Readonly<Record<string, Value>>,
  name: string,
): readonly [key: Value, value: Value] {
  const joined = joinGroup(x);
  return [matmul(joined, weights[`${name}.key`]!), matmul(joined, weights[`${name}.value`]!)];
}

/** Multiply-adds of one position: queries of every head, keys and values of every group. */
export const queryProducts = ({ heads, headDim, valueDim }: AttentionShape): number => heads * valueDim * headDim;
export const keyValueProducts = ({ heads, headDim, valueDim }: AttentionShape): number =>
  heads * valueDim * (headDim + valueDim);

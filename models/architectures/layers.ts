/** Linear maps, norms, activations and rotation as graph nodes. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, gelu, multiply, rectify, sigmoid, subtract } from '../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import { layerNormalization, rmsNormalization } from '../../kernels/graph/operators/normalize';
import { unreachable } from '../unreachable';
import type { Activation, Linear, Norm } from './model-spec';
import { weight, type StoredWeights } from './stored-weights';

/** x [..., inputs] -> [..., outputs]. FusedMatMul reads the weight as it is stored: no transposed copy. */
export function linear(graph: GraphBuilder, weights: StoredWeights, spec: Linear, x: Value): Value {
  const transposed = spec.stored === 'outputs-inputs';
  const rows = spec.storedRows ?? spec.outputs;
  const stored = transposed
    ? weight(
        graph,
        weights,
        spec.weight,
        [rows, spec.inputs],
        spec.storedRows === undefined ? undefined : { first: spec.firstRow ?? 0, count: spec.outputs },
      )
    : weight(graph, weights, spec.weight, [spec.inputs, spec.outputs]);
  const bias =
    spec.bias === undefined
      ? undefined
      : weight(
          graph,
          weights,
          spec.bias,
          [rows],
          spec.storedRows === undefined ? undefined : { first: spec.firstRow ?? 0, count: spec.outputs },
        );
  const product = fusedMatmul(x, stored, { transposeB: transposed });
  return bias ? add(product, bias) : product;
}

export function norm(graph: GraphBuilder, weights: StoredWeights, spec: Norm, x: Value): Value {
  const stored = weight(graph, weights, spec.weight, [spec.size]);
  const gain = spec.gainOffset === undefined ? stored : add(stored, spec.gainOffset);
  if (spec.kind === 'rms') return rmsNormalization(x, gain, spec.epsilon);
  const offset = spec.bias === undefined ? undefined : weight(graph, weights, spec.bias, [spec.size]);
  return layerNormalization(x, gain, offset, spec.epsilon);
}

export function activate(activation: Activation, x: Value): Value {
  switch (activation) {
    case 'silu':
      return multiply(x, sigmoid(x));
    case 'gelu':
      return gelu(x, 'none');
    case 'gelu-tanh':
      return gelu(x, 'tanh');
    case 'quick-gelu':
      return multiply(x, sigmoid(multiply(x, 1.702)));
    case 'relu':
      return rectify(x);
    default:
      return unreachable(activation);
  }
}

/**
 * Rotates the first `dimensions` of each head of x [b, heads, n, d] by the angles whose cos and sin are [n, dimensions / 2].
 * `half` pairs dimension i with i + dimensions/2, `interleaved` pairs 2i with 2i + 1.
 */
export function rotate(
  x: Value,
  cos: Value,
  sin: Value,
  { dimensions, layout }: { readonly dimensions: number; readonly layout: 'half' | 'interleaved' },
  name?: string,
): Value {
  const width = x.shape.at(-1);
  const rotated = width === dimensions ? x : slice(x, -1, 0, dimensions);
  const half = dimensions / 2;
  const nameHere = rotated === x ? name : undefined;
  let turned: Value;
  if (layout === 'half') {
    const first = slice(rotated, -1, 0, half);
    const second = slice(rotated, -1, half, dimensions);
    turned = concat(
      [subtract(multiply(first, cos), multiply(second, sin)), add(multiply(second, cos), multiply(first, sin))],
      -1,
      nameHere,
    );
  } else {
    const pairs = reshape(rotated, [...rotated.shape.slice(0, -1), half, 2]);
    const flat = [...rotated.shape.slice(0, -1), half];
    const first = reshape(slice(pairs, -1, 0, 1), flat);
    const second = reshape(slice(pairs, -1, 1, 2), flat);
    const real = subtract(multiply(first, cos), multiply(second, sin));
    const imaginary = add(multiply(second, cos), multiply(first, sin));
    const column = [...flat, 1];
    turned = reshape(
      concat([reshape(real, column), reshape(imaginary, column)], -1),
      [...rotated.shape.slice(0, -1), dimensions],
      nameHere,
    );
  }
  return rotated === x ? turned : concat([turned, slice(x, -1, dimensions)], -1, name);
}

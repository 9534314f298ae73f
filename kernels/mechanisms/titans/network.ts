/**
 * The function of a neural memory in float64 (arXiv:2501.00663, section 3.1): a matrix, or layers with GELU between them.
 * Rows: x^(0) = x, z^(l) = x^(l-1) W^(l), x^(l) = gelu(z^(l)); the answer is z of the last layer.
 */
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

/** W^(1) .. W^(L), each [rows, columns]. */
export type Network = readonly Tensor[];

// The form by the hyperbolic tangent, whose slope needs no other function.
export const geluScale = Math.sqrt(2 / Math.PI);
export const geluCube = 0.044715;

/** x (1 + tanh(c (x + 0.044715 x^3))) / 2, c = sqrt(2 / pi). */
const gelu = (x: number): number => (x * (1 + Math.tanh(geluScale * (x + geluCube * x ** 3)))) / 2;

/** The derivative of gelu. */
function geluSlope(x: number): number {
  const t = Math.tanh(geluScale * (x + geluCube * x ** 3));
  return (1 + t + x * (1 - t * t) * geluScale * (1 + 3 * geluCube * x * x)) / 2;
}

/** x W. */
function rowProduct(x: Float64Array, { shape, data }: Tensor): Float64Array {
  const columns = shape[1]!;
  const output = new Float64Array(columns);
  for (let row = 0; row < x.length; row++) {
    const each = x[row]!;
    const from = row * columns;
    for (let column = 0; column < columns; column++) output[column]! += each * data[from + column]!;
  }
  return output;
}

/** M(x). */
export const answerOf = (network: Network, x: Float64Array): Float64Array =>
  network.reduce((row, weight, layer) => rowProduct(layer === 0 ? row : row.map(gelu), weight), x);

/** The gradient of |M(key) - value|^2 / 2 by each layer's weights. */
export function gradientsOf(network: Network, key: Float64Array, value: Float64Array): Network {
  const inputs: Float64Array[] = [];
  const sums: Float64Array[] = [];
  for (const weight of network) {
    const x: Float64Array = sums.at(-1)?.map(gelu) ?? key;
    inputs.push(x);
    sums.push(rowProduct(x, weight));
  }
  const gradients: Tensor[] = [];
  let error: Float64Array = sums.at(-1)!.map((z, y) => z - value[y]!);
  for (let layer = network.length - 1; layer >= 0; layer--) {
    gradients.unshift(outer(inputs[layer]!, error));
    if (layer > 0) error = errorBelow(network[layer]!, error, sums[layer - 1]!);
  }
  return gradients;
}

function outer(x: Float64Array, error: Float64Array): Tensor {
  const product = zeros([x.length, error.length]);
  for (let row = 0; row < x.length; row++) {
    for (let column = 0; column < error.length; column++) {
      product.data[row * error.length + column] = x[row]! * error[column]!;
    }
  }
  return product;
}

/** (error W^T) gelu'(z), z what came into the GELU below W. */
function errorBelow({ data }: Tensor, error: Float64Array, sums: Float64Array): Float64Array {
  return sums.map((z, row) => {
    let sum = 0;
    for (let column = 0; column < error.length; column++) sum += error[column]! * data[row * error.length + column]!;
    return sum * geluSlope(z);
  });
}

/** a x + b y, layer by layer. */
export const mixed = (a: number, x: Network, b: number, y: Network): Network =>
  x.map(({ shape, data }, layer) => {
    const other = y[layer]!.data;
    const sum = new Float64Array(data.length);
    for (let at = 0; at < sum.length; at++) sum[at] = a * data[at]! + b * other[at]!;
    return tensor(shape, sum);
  });

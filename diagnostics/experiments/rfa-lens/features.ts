/**
 * Random features of a query and its keys (arXiv:2307.11353). x~ is x with a 1 behind it, [d + 1].
 *
 * Attention of M heads, with W_m = Q_m^T K_m [d + 1, d + 1] frozen and v_m [d + 1] learned:
 *     f = sum_m (1/N) sum_i relu(x~_0^T W_m x~_i) <v_m, x~_i>
 * is linear in v_m, with the features phi_m = (1/N) sum_i relu(x~_0^T W_m x~_i) x~_i.
 * RFA: entries of W_m normal with variance 1/4, so that x~_0^T W_m x~_i is N(0, 1) (|x~|^2 = 2). BRFA adds w0 diag(1, .., 1, 0): its
 * mean is w0 <x_0, x_i>.
 *
 * RFMLP: relu(w_k . [x_0, .., x_N, 1]) with w_k normal of variance 1 / (N + 2), again N(0, 1). It has M (d + 1) neurons, as many
 * learned numbers as the attention.
 */
import type { Random } from '../../../kernels/tensors/random';
import type { Examples, Sizes } from './targets';

/** [rows, width], row-major. */
export interface Features {
  readonly rows: number;
  readonly width: number;
  readonly data: Float64Array;
}

/** [M, d + 1, d + 1]; the first heads are the same for every `heads`. */
export function drawnHeads({ dimension }: Sizes, heads: number, meanStrength: number, source: Random): Float64Array {
  const side = dimension + 1;
  return Float64Array.from({ length: heads * side * side }, (_, at) => {
    const [row, column] = [Math.floor(at / side) % side, at % side];
    const mean = row === column && row < dimension ? meanStrength : 0;
    return mean + 0.5 * source.normal();
  });
}

/** [neurons, (N + 1) d + 1]. */
export function drawnNeurons({ dimension, keys }: Sizes, neurons: number, source: Random): Float64Array {
  const deviation = (keys + 2) ** -0.5;
  return Float64Array.from({ length: neurons * ((keys + 1) * dimension + 1) }, () => deviation * source.normal());
}

type Activation = (score: number) => number;

const relu: Activation = (score) => (score > 0 ? score : 0);

/** [examples, M (d + 1)]. */
export function attentionFeatures(
  { count, dimension: d, keys, points }: Examples,
  heads: Float64Array,
  activation = relu,
): Features {
  const side = d + 1;
  const headCount = heads.length / side ** 2;
  const width = headCount * side;
  const data = new Float64Array(count * width);
  const asked = new Float64Array(side);
  for (let example = 0; example < count; example++) {
    const query = example * (keys + 1) * d;
    for (let head = 0; head < headCount; head++) {
      const matrix = head * side * side;
      const out = example * width + head * side;
      // x~_0^T W_m, whose last row belongs to the 1.
      for (let c = 0; c < side; c++) {
        let sum = heads[matrix + d * side + c]!;
        for (let r = 0; r < d; r++) sum += points[query + r]! * heads[matrix + r * side + c]!;
        asked[c] = sum;
      }
      for (let key = 1; key <= keys; key++) {
        const from = query + key * d;
        let score = asked[d]!;
        for (let c = 0; c < d; c++) score += asked[c]! * points[from + c]!;
        const weight = activation(score) / keys;
        if (weight === 0) continue;
        for (let c = 0; c < d; c++) data[out + c]! += weight * points[from + c]!;
        data[out + d]! += weight;
      }
    }
  }
  return { rows: count, width, data };
}

/** [examples, neurons]. */
export function neuronFeatures({ count, dimension, keys, points }: Examples, neurons: Float64Array): Features {
  const inputs = (keys + 1) * dimension;
  const width = neurons.length / (inputs + 1);
  const data = new Float64Array(count * width);
  for (let example = 0; example < count; example++) {
    const from = example * inputs;
    for (let neuron = 0; neuron < width; neuron++) {
      const own = neuron * (inputs + 1);
      let sum = neurons[own + inputs]!;
      for (let c = 0; c < inputs; c++) sum += neurons[own + c]! * points[from + c]!;
      data[example * width + neuron] = relu(sum);
    }
  }
  return { rows: count, width, data };
}

/** The first rows, and of each the first numbers. */
export function cut({ width, data }: Features, rows: number, kept = width): Features {
  if (kept === width) return { rows, width, data: data.subarray(0, rows * width) };
  const few = new Float64Array(rows * kept);
  for (let row = 0; row < rows; row++) few.set(data.subarray(row * width, row * width + kept), row * kept);
  return { rows, width: kept, data: few };
}

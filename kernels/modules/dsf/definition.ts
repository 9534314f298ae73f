/**
 * qLSTM (arXiv:2405.15731; class qLSTM of zoology/mixers/lstm.py), a gated recurrence whose gates read the input alone. For x
 * [b, n, d] and the hidden width H:
 *
 *     [g; u] = x W_in^T                       each [b, n, H]
 *     u <- depthwise convolution of u over the k last positions, with a bias
 *     [f; i; o] = u W_g^T + b
 *     a = sigmoid(f), or reversed: sigmoid(-f)^relu(alpha) = exp(-relu(alpha) softplus(f)), the decay of S6
 *     h_t = a_t h_(t-1) + sigmoid(i_t) u_t,   h_0 = 0
 *     y = (gelu(g) sigmoid(o) h) W_out^T
 *
 * Each hidden channel is a linear system of state size 1: L_t = a_t, B_t = sigmoid(i_t), C_t = sigmoid(o_t), 0 for L at the
 * first position.
 */
import type { Tensors } from '../../module';
import { gelu, linear, product, reshaped, sigmoid, sliced } from '../../module-parts/layers';
import { weightOf } from '../../module-parts/weights';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

export interface QlstmParts {
  /** a, [b, n, H]. */
  readonly retained: Tensor;
  /** sigmoid(i) and sigmoid(o), [b, n, H]. */
  readonly input: Tensor;
  readonly output: Tensor;
  /** u behind its convolution, gelu(g), and h; [b, n, H] each. */
  readonly value: Tensor;
  readonly gate: Tensor;
  readonly state: Tensor;
}

export function qlstmParts(x: Tensor, weights: Tensors, reversed: boolean): QlstmParts {
  const hidden = weightOf(weights, 'gates.weight').shape[1]!;
  const both = linear(x, weightOf(weights, 'input.weight'));
  const part = (of: Tensor, at: number): Tensor => sliced(of, 2, at * hidden, (at + 1) * hidden);
  const value = causalConvolution(part(both, 1), weightOf(weights, 'conv.weight'), weightOf(weights, 'conv.bias'));
  const gates = linear(value, weightOf(weights, 'gates.weight'), weightOf(weights, 'gates.bias'));
  const [forget, input, output] = [part(gates, 0), sigmoid(part(gates, 1)), sigmoid(part(gates, 2))];
  const alpha = Math.max(0, weights['alpha']?.data[0] ?? 1);
  const retained = reversed
    ? tensor(
        forget.shape,
        forget.data.map((f) => (1 / (1 + Math.exp(f))) ** alpha),
      )
    : sigmoid(forget);
  return { retained, input, output, value, gate: gelu(part(both, 0)), state: states(retained, product(input, value)) };
}

export const qlstm = (x: Tensor, weights: Tensors, reversed: boolean): Tensor => {
  const { gate, output, state } = qlstmParts(x, weights, reversed);
  return linear(product(gate, product(output, state)), weightOf(weights, 'output.weight'));
};

/** h_t = a_t h_(t-1) + x_t over axis 1 of [b, n, H]. */
function states(retained: Tensor, x: Tensor): Tensor {
  const [batch, positions, width] = x.shape as readonly [number, number, number];
  const h = zeros(x.shape);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < positions; t++) {
      for (let c = 0; c < width; c++) {
        const at = (b * positions + t) * width + c;
        h.data[at] = (t === 0 ? 0 : retained.data[at]! * h.data[at - width]!) + x.data[at]!;
      }
    }
  }
  return h;
}

/** [b, n, H] under `weight` [H, 1, k]: the last tap reads the position itself, those before it earlier ones. */
function causalConvolution(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const [, positions, width] = x.shape as readonly [number, number, number];
  const taps = weight.shape[2]!;
  const kernel = reshaped(weight, [width, taps]);
  return tensor(
    x.shape,
    x.data.map((_, at) => {
      const [t, c] = [Math.floor(at / width) % positions, at % width];
      let sum = bias.data[c]!;
      for (let tap = 0; tap < taps; tap++) {
        const back = taps - 1 - tap;
        if (back <= t) sum += kernel.data[c * taps + tap]! * x.data[at - back * width]!;
      }
      return sum;
    }),
  );
}

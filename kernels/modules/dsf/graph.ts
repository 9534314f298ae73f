/** The graph of qLSTM: the recurrence by doubling, so that ceil(log2 n) steps over whole tensors stand in place of n over rows. */
import {
  add,
  exponential,
  gelu,
  multiply,
  negate,
  rectify,
  sigmoid,
  softplus,
} from '../../graph/operators/elementwise';
import { convolution } from '../../graph/operators/convolution';
import { pad, reshape, slice, split, transpose } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import type { ModuleGraph } from '../../module';
import { linearLayer } from '../../module-parts/graph';

export function qlstmGraph(graph: ModuleGraph, reversed: boolean): Value {
  const x = graph.input('x');
  const [batch, positions] = x.shape.map(Number) as [number, number, number];
  const weight = graph.weight('conv.weight');
  const [hidden, , taps] = weight.shape.map(Number) as [number, number, number];
  const [gate, raw] = split(linearLayer(x, graph.weight('input.weight')), 2, [hidden, hidden]);
  // Channels first, one row high.
  const rows = pad(reshape(transpose(raw!, [0, 2, 1]), [batch, hidden, 1, positions]), 3, taps - 1, 0);
  const convolved = convolution(rows, reshape(weight, [hidden, 1, 1, taps]), graph.weight('conv.bias'), {
    groups: hidden,
  });
  const value = transpose(reshape(convolved, [batch, hidden, positions]), [0, 2, 1]);
  const gates = linearLayer(value, graph.weight('gates.weight'), graph.weight('gates.bias'));
  const [forget, input, output] = split(gates, 2, [hidden, hidden, hidden]);
  const retained = reversed
    ? exponential(negate(multiply(softplus(forget!), rectify(graph.weight('alpha')))))
    : sigmoid(forget!);
  const state = recurrence(retained, multiply(sigmoid(input!), value), positions);
  const read = multiply(gelu(gate!, 'none'), multiply(sigmoid(output!), state));
  return linearLayer(read, graph.weight('output.weight'));
}

/**
 * h_t = a_t h_(t-1) + x_t: after the step of distance s, x_t is the sum of the last 2 s inputs as they are kept until t, and a_t the
 * product of the last 2 s factors.
 */
function recurrence(retained: Value, x: Value, positions: number): Value {
  let [a, h] = [retained, x];
  for (let distance = 1; distance < positions; distance *= 2) {
    const earlier = (of: Value): Value => pad(slice(of, 1, 0, positions - distance), 1, distance, 0);
    h = add(h, multiply(a, earlier(h)));
    if (2 * distance < positions) a = multiply(a, earlier(a));
  }
  return h;
}

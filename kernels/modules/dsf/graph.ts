/** The graph of qLSTM: the recurrence in blocks, so that a few steps over whole tensors stand in place of n over rows. */
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

/** Positions of a block. */
const block = 8;

/**
 * h_t = a_t h_(t-1) + x_t of [b, n, H]. In blocks of 8 by doubling: after the step of distance s, h_t is the sum of the last 2 s inputs of
 * the block as they are kept until t, and a_t the product of as many factors. What ends a block is a recurrence of n / 8 positions of
 * its own, and enters the next one by the products.
 */
function recurrence(retained: Value, x: Value, positions: number): Value {
  const [batch, , width] = x.shape.map(Number) as [number, number, number];
  const blocks = Math.ceil(positions / block);
  const inBlocks = (of: Value): Value =>
    reshape(pad(of, 1, 0, blocks * block - positions), [batch, blocks, block, width]);
  let [a, h] = [inBlocks(retained), inBlocks(x)];
  for (let distance = 1; distance < block; distance *= 2) {
    const earlier = (of: Value, before: number): Value =>
      pad(slice(of, 2, 0, block - distance), 2, distance, 0, before);
    h = add(h, multiply(a, earlier(h, 0)));
    a = multiply(a, earlier(a, 1));
  }
  if (blocks > 1) {
    const lastOf = (of: Value): Value => reshape(slice(of, 2, block - 1, block), [batch, blocks, width]);
    const ends = recurrence(lastOf(a), lastOf(h), blocks);
    const carried = pad(slice(ends, 1, 0, blocks - 1), 1, 1, 0);
    h = add(h, multiply(a, reshape(carried, [batch, blocks, 1, width])));
  }
  return slice(reshape(h, [batch, blocks * block, width]), 1, 0, positions);
}

/**
 * RG-LRU (Griffin, arXiv:2402.19427, section 2.4): each channel has one number, h_t = a_t h_(t-1) + sqrt(1 - a_t^2) i_t x_t, with
 * a_t = exp(-8 softplus(Lambda) r_t) and gates r, i = sigmoid of maps of x_t within a block of channels. At the first position of a text
 * the root is 1. The value of a channel is its convolved x_t, so that its effective attention is
 * E_ij = a_(j+1) .. a_i sqrt(1 - a_j^2) i_j, at least 0; a head is a block of channels, and shows their mean (`channels.ts`).
 *
 * Computed by a Scan of two operators over positions: LinearAttention of onnxruntime 1.30 with a head a channel takes 6 times as long
 * (2026-12).
 */
import { scan } from '../../../kernels/graph/operators/control';
import { dimOf, range } from '../../../kernels/graph/operators/dynamic';
import {
  add,
  cast,
  equal,
  exponential,
  maximum,
  multiply,
  sigmoid,
  softplus,
  squareRoot,
  subtract,
} from '../../../kernels/graph/operators/elementwise';
import { reshape, slice, transpose, unsqueeze } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import { activate, linear } from '../layers';
import type { RealGatedSpec } from '../state-spec';
import { weight } from '../stored-weights';
import { effectiveOfBlocks, type ChannelRecurrence } from './channels';
import { convolutionShape, convolved } from './convolution';
import type { StateInput, StateMixer } from './state-mixer';

/** c of the paper. */
const rate = 8;

/** Added under the root; too small for float32 to distinguish from 0 beside 1. */
const least = 1e-12;

/** Gates i and r [b, n, D], Lambda [D]; `begun` [b, 1] is 0 in front of a text, and 1 behind its first position. */
export interface GatedUnit {
  readonly input: Value;
  readonly recurrence: Value;
  readonly lambda: Value;
  readonly begun: Value;
}

/** ln a_t, and what x_t is multiplied with before the state takes it in, both [b, n, D]. */
export function gatedUnit({ input, recurrence, lambda, begun }: GatedUnit): {
  readonly decay: Value;
  readonly factor: Value;
} {
  const decay = multiply(recurrence, multiply(softplus(lambda), -rate));
  const zero = decay.graph.constant('int64', [], [0]);
  const places = range(zero, dimOf(decay, 1), decay.shape[1] ?? 1);
  const first = multiply(cast(equal(unsqueeze(places, 1), zero), 'float32'), unsqueeze(subtract(1, begun), 2));
  // A shut gate leaves 0 in float32, where the root has no slope.
  const root = squareRoot(maximum(subtract(1, exponential(multiply(decay, 2))), least));
  return { decay, factor: multiply(input, add(first, multiply(subtract(1, first), root))) };
}

/** h_t = exp(decay_t) h_(t-1) + x_t of each channel: decay and x [b, n, D], the state [b, D]. */
export function decayingSum(decay: Value, x: Value, past: Value): { readonly output: Value; readonly state: Value } {
  const byPosition = (each: Value): Value => transpose(each, [1, 0, 2]);
  const { states, outputs } = scan([past], [exponential(byPosition(decay)), byPosition(x)], ([state], [a, own]) => {
    const next = add(multiply(a!, state!), own!);
    return { states: [next], outputs: [next] };
  });
  return { output: transpose(outputs[0]!, [1, 0, 2]), state: states[0]! };
}

/** The unit as a recurrence of channels, by which it is shown. */
export function unitByChannels(decay: Value, factor: Value, heads: number, headDim: number): ChannelRecurrence {
  const one = add(multiply(slice(decay, 2, 0, 1), 0), 1);
  return {
    heads,
    headDim,
    query: one,
    key: one,
    decay: (from) => slice(decay, 2, from, from + headDim),
    factor,
  };
}

/** sigmoid of the map of each block of x [b, n, h d]: weights [h, d, d], which rows multiply from the left, and biases [h, d]. */
function blockGate(
  { graph, weights }: StateInput,
  { heads, headDim }: RealGatedSpec,
  names: RealGatedSpec['inputGate'],
  x: Value,
): Value {
  const [batch = 1, length = 1] = x.shape;
  const blocks = transpose(reshape(x, [batch, length, heads, headDim]), [0, 2, 1, 3]);
  const mapped = matmul(blocks, weight(graph, weights, names.weight, [heads, headDim, headDim]));
  const bias = reshape(weight(graph, weights, names.bias, [heads, headDim]), [heads, 1, headDim]);
  return reshape(transpose(sigmoid(add(mapped, bias)), [0, 2, 1, 3]), x.shape);
}

export const realGated: StateMixer<RealGatedSpec> = {
  shapes: ({ convolution, heads, headDim }) => ({
    convolution: convolutionShape(convolution),
    recurrence: [heads * headDim],
    begun: [1],
  }),
  readsShape: ({ heads, headDim }) => [heads * headDim, 1],
  positionsOfState: 1,
  compute(spec, input) {
    const { graph, weights, x, past, reads } = input;
    const { heads, headDim } = spec;
    const gate = activate(spec.activation, linear(graph, weights, spec.gate, x));
    const mixed = linear(graph, weights, spec.input, x);
    const { output: values, state } = convolved(input, spec.convolution, mixed, past['convolution'], undefined);
    const begun = past['begun']!;
    const { decay, factor } = gatedUnit({
      input: blockGate(input, spec, spec.inputGate, values),
      recurrence: blockGate(input, spec, spec.recurrenceGate, values),
      lambda: weight(graph, weights, spec.lambda, [heads * headDim]),
      begun,
    });
    const { output, state: next } = decayingSum(decay, multiply(values, factor), past['recurrence']!);
    return {
      heads: reshape(multiply(output, gate), [...x.shape.slice(0, -1), heads, headDim]),
      states: { convolution: state, recurrence: next, begun: add(multiply(begun, 0), 1) },
      ...(reads ? { effective: effectiveOfBlocks(unitByChannels(decay, factor, heads, headDim), reads) } : {}),
    };
  },
};

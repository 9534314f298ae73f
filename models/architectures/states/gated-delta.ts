/**
 * The gated delta rule (arXiv:2412.06464, equation 10): S_t = a_t (I - b_t k_t k_t^T) S_(t-1) + b_t k_t v_t^T, o_t = S_t^T q_t, with
 * a_t = exp(g_t). A head is a value head, its value the convolved v_t; since S is linear in the values, effective attention is
 * E_ij = b_j q_i^T (product of a_m (I - b_m k_m k_m^T) over m = i .. j + 1) k_j for j at or before i, of either sign.
 *
 * LinearAttention of onnxruntime 1.30 computes it in float32, token by token in one node.
 */
import { add, divide, multiply, sigmoid, softplus, squareRoot } from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../../kernels/graph/operators/layout';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import { recurrenceBlock } from '../../../kernels/graph/operators/recurrence.gradient';
import type { Value } from '../../../kernels/graph/records';
import { linear, norm } from '../layers';
import type { GatedDeltaSpec } from '../state-spec';
import { weight } from '../stored-weights';
import { convolutionShape, convolved, decayRates } from './convolution';
import { applied, effectiveAttention, type Recurrence } from './effective';
import type { StateInput, StateMixer } from './state-mixer';

/** Added to the square of a length that divides (Qwen3-Next). */
const lengthEpsilon = 1e-6;

/** Query and key [b, n, (key heads) k] as they are; g and b [b, n, h]. */
export const deltaRule = (
  query: Value,
  key: Value,
  {
    decay,
    strength,
    heads,
    keyHeads,
    keyDim,
  }: {
    readonly decay: Value;
    readonly strength: Value;
    readonly heads: number;
    readonly keyHeads: number;
    readonly keyDim: number;
  },
): Recurrence => ({
  query: unitLength(query, keyHeads, keyDim),
  key: unitLength(key, keyHeads, keyDim),
  options: { rule: 'gated_delta', queryHeads: keyHeads, heads, decay, beta: strength, scale: 1 / Math.sqrt(keyDim) },
});

/** Each head divided by its length. */
function unitLength(x: Value, heads: number, width: number): Value {
  const rows = x.shape.slice(0, -1);
  const split = reshape(x, [...rows, heads, width]);
  const square = reduceSum(multiply(split, split), [-1]);
  return reshape(divide(split, squareRoot(add(square, lengthEpsilon))), x.shape);
}

/** Queries, keys and values side by side, gates z [b, n, h, d], strengths b and rates a [b, n, h], as projected. */
function projected({ graph, weights, x }: StateInput, spec: GatedDeltaSpec) {
  const { heads, headDim, keyHeads, keyDim, projection } = spec;
  const rows = x.shape.slice(0, -1);
  const gates = (all: Value): Value => reshape(all, [...rows, heads, headDim]);
  if (projection.kind === 'separate') {
    return {
      mixed: linear(graph, weights, projection.mixed, x),
      gate: gates(linear(graph, weights, projection.gate, x)),
      strength: linear(graph, weights, projection.strength, x),
      rate: linear(graph, weights, projection.rate, x),
    };
  }
  const shared = heads / keyHeads;
  const values = shared * headDim;
  const all = reshape(linear(graph, weights, projection.all, x), [...rows, keyHeads, 2 * keyDim + 2 * values]);
  const part = (from: number, width: number): Value => slice(all, -1, from, from + width);
  const flat = (y: Value, width: number): Value => reshape(y, [...rows, width]);
  const rates = reshape(linear(graph, weights, projection.rates, x), [...rows, keyHeads, 2 * shared]);
  return {
    mixed: concat(
      [
        flat(part(0, keyDim), keyHeads * keyDim),
        flat(part(keyDim, keyDim), keyHeads * keyDim),
        flat(part(2 * keyDim, values), heads * headDim),
      ],
      -1,
    ),
    gate: gates(part(2 * keyDim + values, values)),
    strength: flat(slice(rates, -1, 0, shared), heads),
    rate: flat(slice(rates, -1, shared, 2 * shared), heads),
  };
}

export const gatedDelta: StateMixer<GatedDeltaSpec> = {
  shapes: ({ convolution, heads, keyDim, headDim }) => ({
    convolution: convolutionShape(convolution),
    recurrence: [heads, keyDim, headDim],
  }),
  readsShape: ({ heads, keyDim }) => [heads, keyDim],
  positionsOfState: recurrenceBlock.head,
  compute(spec, input) {
    const { graph, weights, past, reads } = input;
    const { heads, headDim, keyHeads, keyDim } = spec;
    const { mixed, gate, strength, rate } = projected(input, spec);
    const { output: active, state } = convolved(input, spec.convolution, mixed, past['convolution'], 'silu');
    const keys = keyHeads * keyDim;
    const step = softplus(add(rate, weight(graph, weights, spec.step, [heads])));
    const rule = deltaRule(slice(active, -1, 0, keys), slice(active, -1, keys, 2 * keys), {
      decay: multiply(step, decayRates(input, spec.decay, [heads])),
      strength: sigmoid(strength),
      heads,
      keyHeads,
      keyDim,
    });
    const values = reshape(slice(active, -1, 2 * keys, 2 * keys + heads * headDim), gate.shape);
    const { output, state: next } = applied(rule, values, past['recurrence']);
    return {
      heads: multiply(norm(graph, weights, spec.norm, output), multiply(gate, sigmoid(gate))),
      states: { convolution: state, recurrence: next },
      ...(reads ? { effective: effectiveAttention(rule, reads) } : {}),
    };
  },
};

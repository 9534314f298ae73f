/**
 * Mamba-2, or SSD (arXiv:2405.21060, section 7): S_t = exp(dt_t A) S_(t-1) + dt_t B_t x_t^T, y_t = S_t^T C_t + D x_t with a state
 * [N, P] and a decay for each head; B and C belong to groups of heads. A head's value is the convolved x_t, so that effective attention
 * is E_ij = dt_j C_i^T B_j exp(A (dt_(j+1) + .. + dt_i)), and D more on the diagonal, of either sign.
 *
 * LinearAttention of onnxruntime 1.30 with the rule `gated` computes it in float32, token by token in one node: query C, key B, value
 * dt x, decay dt A.
 */
import { add, clip, multiply, sigmoid, softplus } from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../../kernels/graph/operators/layout';
import { recurrenceBlock } from '../../../kernels/graph/operators/recurrence.gradient';
import type { Value } from '../../../kernels/graph/records';
import { gainOf, linear, norm } from '../layers';
import type { Mamba2Spec } from '../state-spec';
import { weight } from '../stored-weights';
import { convolutionShape, convolved, decayRates } from './convolution';
import { applied, effectiveAttention, type Recurrence } from './effective';
import type { StateInput, StateMixer } from './state-mixer';

/** B and C [b, n, groups N], dt and dt A [b, n, h], D [h]. */
export const stateSpaceDual = ({
  b,
  c,
  step,
  decay,
  skip,
  heads,
  groups,
}: Readonly<Record<'b' | 'c' | 'step' | 'decay' | 'skip', Value>> & {
  readonly heads: number;
  readonly groups: number;
}): Recurrence => ({
  query: c,
  key: b,
  options: { rule: 'gated', queryHeads: groups, heads, decay },
  factor: step,
  direct: skip,
});

function parts({ graph, weights, x }: StateInput, spec: Mamba2Spec): readonly Value[] {
  const { heads, headDim, groups, state, factors } = spec;
  const inner = heads * headDim;
  const all = linear(graph, weights, spec.input, x);
  let at = 0;
  return [inner, inner, groups * state, groups * state, heads].map((width, index) => {
    const part = slice(all, -1, at, at + width);
    at += width;
    const factor = factors?.[index] ?? 1;
    return factor === 1 ? part : multiply(part, factor);
  });
}

/** What heads gave, [b, n, h d], behind the gate and the norm. */
function gatedOutput({ graph, weights }: StateInput, { norm: rule }: Mamba2Spec, heads: Value, gate: Value): Value {
  const open = multiply(gate, sigmoid(gate));
  if (!rule) return multiply(heads, open);
  const { groups, first } = rule;
  const normed = (y: Value): Value => {
    if (groups === 1) return norm(graph, weights, rule.norm, y);
    const size = rule.norm.size / groups;
    const split = reshape(y, [...y.shape.slice(0, -1), groups, size]);
    const each = norm(graph, weights, { ...rule.norm, weight: undefined, size }, split);
    return multiply(reshape(each, y.shape), gainOf(graph, weights, rule.norm));
  };
  return first ? multiply(normed(heads), open) : normed(multiply(heads, open));
}

export const mamba2: StateMixer<Mamba2Spec> = {
  shapes: ({ convolution, heads, state, headDim }) => ({
    convolution: convolutionShape(convolution),
    recurrence: [heads, state, headDim],
  }),
  readsShape: ({ heads, state }) => [heads, state],
  positionsOfState: recurrenceBlock.head,
  compute(spec, input) {
    const { graph, weights, x, past, reads } = input;
    const { heads, headDim, groups, state: size, stepLimit } = spec;
    const rows = x.shape.slice(0, -1);
    const inner = heads * headDim;
    const [gate, value, b, c, rate] = parts(input, spec) as [Value, Value, Value, Value, Value];
    const mixed = concat([value, b, c], -1);
    const { output: active, state } = convolved(input, spec.convolution, mixed, past['convolution'], 'silu');
    const free = softplus(add(rate, weight(graph, weights, spec.step, [heads])));
    const step = stepLimit ? clip(free, ...stepLimit) : free;
    const rule = stateSpaceDual({
      b: slice(active, -1, inner, inner + groups * size),
      c: slice(active, -1, inner + groups * size, inner + 2 * groups * size),
      step,
      decay: multiply(step, decayRates(input, spec.decay, [heads])),
      skip: weight(graph, weights, spec.skip, [heads]),
      heads,
      groups,
    });
    const values = reshape(slice(active, -1, 0, inner), [...rows, heads, headDim]);
    const { output, state: next } = applied(rule, values, past['recurrence']);
    const given = reshape(output, [...rows, inner]);
    return {
      heads: reshape(gatedOutput(input, spec, given, gate), [...rows, heads, headDim]),
      states: { convolution: state, recurrence: next },
      ...(reads ? { effective: effectiveAttention(rule, reads) } : {}),
    };
  },
};

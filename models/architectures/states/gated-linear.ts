/**
 * Gated linear attention (arXiv:2312.06635, equation 4): S_t = diag(a_t) S_(t-1) + k_t v_t^T, o_t = S_t^T q_t / root of the width of a key, with
 * decays a_t = sigmoid(g_t)^(1/16) for each row of the state. Effective attention is E_ij = sum over rows of q_i a_(j+1) .. a_i k_j
 * over the root, of either sign.
 *
 * LinearAttention of onnxruntime 1.30 with the rule `gated` and a decay for each row computes it in float32.
 */
import { maximum, multiply, softplus } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import { recurrenceBlock } from '../../../kernels/graph/operators/recurrence.gradient';
import type { Value } from '../../../kernels/graph/records';
import { activate, linear, norm } from '../layers';
import type { GatedLinearSpec } from '../state-spec';
import { applied, effectiveAttention, type Recurrence } from './effective';
import type { StateInput, StateMixer } from './state-mixer';

/** x [b, n, groups d] with each group repeated `heads` / `groups` times: [b, n, heads, d]. */
function shared(x: Value, groups: number, heads: number): Value {
  const [batch = 1, length = 1, width = 1] = x.shape;
  const size = Number(width) / groups;
  if (groups === heads) return reshape(x, [batch, length, heads, size]);
  const ones = x.graph.constant('float32', [heads / groups, 1], new Array<number>(heads / groups).fill(1));
  return reshape(multiply(reshape(x, [batch, length, groups, 1, size]), ones), [batch, length, heads, size]);
}

/** ln of the decays, [b, n, h k]: -softplus(-g) is ln sigmoid(g). */
function decays({ graph, weights, x }: StateInput, spec: GatedLinearSpec): Value {
  const [down, up] = spec.decay;
  const gates = linear(graph, weights, up, linear(graph, weights, down, x));
  const free = multiply(softplus(multiply(gates, -1)), -1 / spec.normaliser);
  const held = spec.least === undefined ? free : maximum(free, spec.least);
  return reshape(shared(held, spec.kvHeads, spec.heads), [...x.shape.slice(0, -1), spec.heads * spec.keyDim]);
}

export const gatedLinear: StateMixer<GatedLinearSpec> = {
  shapes: ({ heads, keyDim, headDim }) => ({ recurrence: [heads, keyDim, headDim] }),
  readsShape: ({ heads, keyDim }) => [heads, keyDim],
  positionsOfState: recurrenceBlock.row,
  compute(spec, input) {
    const { graph, weights, x, past, reads } = input;
    const { heads, kvHeads, headDim, keyDim, feature, gate } = spec;
    const rows = x.shape.slice(0, -1);
    const mapped = (of: 'query' | 'key'): Value => {
      const own = linear(graph, weights, spec[of], x);
      return feature === undefined ? own : activate(feature, own);
    };
    const rule: Recurrence = {
      query: mapped('query'),
      key: mapped('key'),
      options: {
        ...{ rule: 'gated', queryHeads: heads, heads },
        decay: decays(input, spec),
        scale: 1 / Math.sqrt(keyDim),
      },
    };
    const values = shared(linear(graph, weights, spec.value, x), kvHeads, heads);
    const { output, state } = applied(rule, values, past['recurrence']);
    const normed = norm(graph, weights, spec.norm, output);
    const given = gate
      ? multiply(
          normed,
          activate(gate.activation, reshape(linear(graph, weights, gate.map, x), [...rows, heads, headDim])),
        )
      : normed;
    return {
      heads: given,
      states: { recurrence: state },
      ...(reads ? { effective: effectiveAttention(rule, reads) } : {}),
    };
  },
};

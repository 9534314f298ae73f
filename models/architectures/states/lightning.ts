/**
 * Lightning attention (MiniMax-01, arXiv:2501.08313, section 2.2): S_t = exp(-s) S_(t-1) + k_t v_t^T, o_t = S_t^T q_t with a slope s for
 * each head, s_h = 2^(-8 h / heads) times a factor that falls from layer to layer; query, key and value are activated. Effective attention
 * is E_ij = exp(-s (i - j)) q_i . k_j, of either sign.
 *
 * LinearAttention of onnxruntime 1.30 with the rule `gated` computes it in float32, token by token in one node.
 */
import { add, multiply, sigmoid } from '../../../kernels/graph/operators/elementwise';
import { reshape, slice } from '../../../kernels/graph/operators/layout';
import { recurrenceBlock } from '../../../kernels/graph/operators/recurrence.gradient';
import type { Value } from '../../../kernels/graph/records';
import { activate, linear, norm } from '../layers';
import type { LightningSpec } from '../state-spec';
import { applied, effectiveAttention, type Recurrence } from './effective';
import type { StateMixer } from './state-mixer';

/** Slopes of the heads of one layer: 2^(-8 h / heads) (1 - layer / (layers - 1 + 1e-5) + 1e-5), h from 1 on (MiniMax-01). */
export const lightningSlopes = (heads: number, layer: number, layers: number): readonly number[] =>
  Array.from({ length: heads }, (_, h) => 2 ** ((-8 * (h + 1)) / heads) * (1 - layer / (layers - 1 + 1e-5) + 1e-5));

/** Query and key [b, n, h d]. */
export function lightningRule(query: Value, key: Value, slopes: readonly number[]): Recurrence {
  const heads = slopes.length;
  const one = slice(query, 2, 0, 1);
  const decay = add(
    multiply(one, 0),
    query.graph.constant(
      'float32',
      [heads],
      slopes.map((slope) => -slope),
    ),
  );
  return { query, key, options: { rule: 'gated', queryHeads: heads, heads, decay } };
}

export const lightning: StateMixer<LightningSpec> = {
  shapes: ({ heads, headDim }) => ({ recurrence: [heads, headDim, headDim] }),
  readsShape: ({ heads, headDim }) => [heads, headDim],
  positionsOfState: recurrenceBlock.head,
  compute(spec, { graph, weights, x, past, reads }) {
    const { heads, headDim } = spec;
    const rows = x.shape.slice(0, -1);
    const width = heads * headDim;
    const all = reshape(activate(spec.activation, linear(graph, weights, spec.input, x)), [
      ...rows,
      heads,
      3 * headDim,
    ]);
    const part = (at: number): Value => slice(all, -1, at * headDim, (at + 1) * headDim);
    const rule = lightningRule(reshape(part(0), [...rows, width]), reshape(part(1), [...rows, width]), spec.slopes);
    const { output, state } = applied(rule, part(2), past['recurrence']);
    const normed = norm(graph, weights, spec.norm, reshape(output, [...rows, width]));
    const gated = multiply(sigmoid(linear(graph, weights, spec.gate, x)), normed);
    return {
      heads: reshape(gated, [...rows, heads, headDim]),
      states: { recurrence: state },
      ...(reads ? { effective: effectiveAttention(rule, reads) } : {}),
    };
  },
};

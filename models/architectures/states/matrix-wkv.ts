/**
 * The wkv of RWKV-6 (arXiv:2404.05892, equations 16 to 19, and the model code that its authors publish, read 2026-12-01): for each head
 * o_t = (S_(t-1) + diag(u) k_t v_t^T)^T r_t and S_t = diag(a_t) S_(t-1) + k_t v_t^T, with decays a_t = exp(-exp(w_t)) for each row of the
 * state. Effective attention is E_tj = sum over rows of r_t a_(j+1) .. a_(t-1) k_j for j < t, and of r_t u k_t for the position itself, of
 * either sign.
 *
 * LinearAttention of onnxruntime 1.30 with the rule `gated` and a decay for each row computes the states in float32. It reads the state after
 * each position, so each position gets the query of the next one, and the first query reads the state that was handed on.
 */
import {
  add,
  exponential,
  hyperbolicTangent,
  multiply,
  negate,
  subtract,
} from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice, transpose, unsqueeze } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import { recurrenceBlock } from '../../../kernels/graph/operators/recurrence.gradient';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { activate, linear, norm } from '../layers';
import { matrixWkvReaders, type MatrixWkvReader, type MatrixWkvSpec } from '../state-spec';
import { weight } from '../stored-weights';
import { applied, ownPositions, repeated, widened, type Effective } from './effective';
import { networkState } from './names';
import type { StateInput, StateMixer } from './state-mixer';
import { before, shift } from './wkv';

interface MatrixWkv {
  readonly heads: number;
  /** [b, n, h d] */
  readonly query: Value;
  readonly key: Value;
  /** ln of the decays, [b, n, h d]. */
  readonly decay: Value;
  /** u, [h, d]. */
  readonly first: Value;
}

/** x [b, n, ..] shifted so that each position holds the next one; the last position is not used. */
function following(x: Value): Value {
  const { graph, type, shape } = x;
  const longer = concat([x, slice(x, 1, 0, 1)], 1);
  const ends = [1, Number.MAX_SAFE_INTEGER, 1].map((at) => graph.constant('int64', [1], [at]));
  return graph.node('Slice', [longer, ...ends], [{ type, shape }])[0];
}

/** From values [b, n, h, v] and the state [b, h, d, v] before them: the outputs [b, n, h, v], and the state after them. */
export function wkv6(
  { heads, query, key, decay, first }: MatrixWkv,
  values: Value,
  past: Value,
): { readonly output: Value; readonly state: Value } {
  const [batch = 1, length = 1, width = 1] = query.shape;
  const size = Number(width) / heads;
  const options = { rule: 'gated', queryHeads: heads, heads, decay } as const;
  const { output: later, state } = applied({ query: following(query), key, options }, values, past);
  const start = matmul(reshape(slice(query, 1, 0, 1), [batch, heads, 1, size]), past);
  const earlier = before(later, reshape(start, [batch, heads, values.shape[3] ?? 1]));
  const products = multiply(reshape(multiply(query, key), [batch, length, heads, size]), first);
  return { output: add(earlier, multiply(reduceSum(products, [3]), values)), state };
}

/** The outputs for values that each stand for one position. */
export function effectiveWkv6(given: MatrixWkv, reads: Value): Effective {
  const positions = repeated(unsqueeze(ownPositions(given.query, reads), 1), given.query, given.heads);
  const { output, state } = wkv6(given, positions, widened(given.query, reads));
  return { matrix: transpose(output, [0, 2, 1, 3]), reads: state };
}

/** What each of the five maps reads, [b, n, w]: x_t + (x_(t-1) - x_t) times its share, to which a map of low rank is added. */
function readings(
  { graph, weights, x }: StateInput,
  { all, down, own, rank }: MatrixWkvSpec['mix'],
  earlier: Value,
): Readonly<Record<MatrixWkvReader, Value>> {
  const step = subtract(earlier, x);
  const share = (name: string): Value => weight(graph, weights, name, [1, 1, Number(x.shape.at(-1))]);
  const low = hyperbolicTangent(linear(graph, weights, down, add(x, multiply(step, share(all)))));
  const reading = (reader: MatrixWkvReader, place: number): Value => {
    const moved = linear(graph, weights, own[reader].up, slice(low, -1, place * rank, (place + 1) * rank));
    return add(x, multiply(step, add(moved, share(own[reader].share))));
  };
  return Object.fromEntries(matrixWkvReaders.map((reader, place) => [reader, reading(reader, place)])) as Record<
    MatrixWkvReader,
    Value
  >;
}

export const matrixWkv: StateMixer<MatrixWkvSpec> = {
  shapes: ({ heads, headDim, key }) => ({
    shift: [key.inputs],
    recurrence: [heads, headDim, headDim],
    [networkState]: [key.inputs],
  }),
  readsShape: ({ heads, headDim }) => [heads, headDim],
  positionsOfState: recurrenceBlock.row,
  compute(spec, input) {
    const { graph, weights, x, past, reads } = input;
    const { heads, headDim, decay } = spec;
    const byHead = [...x.shape.slice(0, -1), heads, headDim];
    const { earlier, last } = shift(x, past['shift']!);
    const read = readings(input, spec.mix, earlier);
    const mapped = (of: 'receptance' | 'key' | 'value' | 'gate'): Value => linear(graph, weights, spec[of], read[of]);
    const low = hyperbolicTangent(linear(graph, weights, decay.down, read.decay));
    const rate = add(
      weight(graph, weights, decay.base, [1, 1, heads * headDim]),
      linear(graph, weights, decay.up, low),
    );
    const given: MatrixWkv = {
      heads,
      query: mapped('receptance'),
      key: mapped('key'),
      decay: negate(exponential(rate)),
      first: weight(graph, weights, spec.first, [heads, headDim]),
    };
    const { output, state } = wkv6(given, reshape(mapped('value'), byHead), past['recurrence']!);
    const stored = (name: string): Value => reshape(weight(graph, weights, name, [heads * headDim]), [heads, headDim]);
    const plain = norm(graph, weights, { kind: 'layer', size: headDim, epsilon: spec.norm.epsilon }, output);
    const normed = add(multiply(plain, stored(spec.norm.weight)), stored(spec.norm.bias));
    return {
      heads: multiply(normed, activate('silu', reshape(mapped('gate'), byHead))),
      states: { shift: last, recurrence: state },
      ...(reads ? { effective: effectiveWkv6(given, reads) } : {}),
    };
  },
};

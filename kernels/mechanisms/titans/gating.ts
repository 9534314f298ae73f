/**
 * How memory and attention are joined: o = sigmoid(norm(m) w_m) (norm(y) w_y), m the memory's output and y the attention's,
 * norm(x) = x / sqrt(mean(x^2) + 1e-6) over the width of a head, w_m and w_y a learned vector each for a query head.
 * arXiv:2501.00663, section 4.2, normalises both and leaves the nonlinearity open: this one is our choice.
 */
import { multiply, sigmoid } from '../../graph/operators/elementwise';
import { rmsNormalization } from '../../graph/operators/normalize';
import type { Value } from '../../graph/records';
import type { Weight } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { normEpsilon } from './memory';
import type { AttentionInputs } from '../../tensors/tensor';

export const gatingWeights = ({ heads, valueDim }: AttentionShape): readonly Weight[] =>
  ['norm.memory', 'norm.attention'].map((name) => ({
    name,
    shape: [heads, 1, valueDim],
    initial: { kind: 'constant', value: 1 },
  }));

const normalised = (x: Float64Array): Float64Array => {
  const size = Math.sqrt(x.reduce((sum, each) => sum + each * each, 0) / x.length + normEpsilon);
  return x.map((each) => each / size);
};

/** One position of query head `head`. */
export function gatedRow(
  memory: Float64Array,
  attention: Float64Array,
  { weights }: Pick<AttentionInputs, 'weights'>,
  head: number,
): Float64Array {
  const width = memory.length;
  const [m, y] = [normalised(memory), normalised(attention)];
  const [gate, scale] = [weights['norm.memory']!.data, weights['norm.attention']!.data];
  return m.map((each, x) => {
    const at = head * width + x;
    return (y[x]! * scale[at]!) / (1 + Math.exp(-each * gate[at]!));
  });
}

/** memory and attention [b, h, n, dv]. */
export function gated(memory: Value, attention: Value, weights: Readonly<Record<string, Value>>): Value {
  const width = Number(attention.shape[3]);
  const norm = (x: Value): Value =>
    rmsNormalization(x, x.graph.constant(x.type, [width], new Float32Array(width).fill(1)), normEpsilon);
  const [gate, scale] = [weights['norm.memory']!, weights['norm.attention']!];
  return multiply(sigmoid(multiply(norm(memory), gate)), multiply(norm(attention), scale));
}

/** What a norm divides by at least. */
export const leastNorm = Math.sqrt(normEpsilon);

/** Operations of gating for all positions: two norms, two products, a sigmoid and the product of both. */
export const gatingFlops = ({ batch, heads, queries, valueDim }: AttentionShape): number =>
  14 * batch * heads * queries * valueDim;

/**
 * Attention of one head in its masked parallel form, for training: y_i = (1 / eta_i) sum over j <= i of k(q_i, k_j) v_j with q, k [n]
 * wide and v [d] wide (arXiv:2405.15731; layers of zoology/mixers/attention.py):
 *
 *     softmax      exp(q . k / root n)              eta: sum of the weights      state: without end
 *     linear       (elu(q) + 1) . (elu(k) + 1)      eta: sum of the weights      n d
 *     normalised   q . k                            eta: exp(w . x_i + b)        n d
 *     taylor-p     sum of s^j / j!, j = 0 .. p, s = q . k / root n; eta: sum of the weights; C(n + p, p) d
 *
 * p is even: the series is positive then. Names are those of the release: `Wqk`, `Wv`, `Wn`, `out_proj`.
 */
import { add, divide, elu, exponential, multiply, negate } from '../../../kernels/graph/operators/elementwise';
import { split, triangle } from '../../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../../kernels/graph/operators/matrix';
import { reduceMax, reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { ModuleGraph, ModuleWeight } from '../../../kernels/module';
import { linearLayer } from '../../../kernels/module-parts/graph';
import { evenly } from '../../../kernels/module-parts/weights';
import { stateSize } from '../../shared/statistics/state-size';

export const mixerKinds = ['softmax', 'linear', 'normalised', 'taylor'] as const;
export type MixerKind = (typeof mixerKinds)[number];

export interface MixerSize {
  /** d, of the stream and of the value. */
  readonly width: number;
  /** n, of query and key. */
  readonly keyWidth: number;
  /** p of the series. */
  readonly degree: number;
}

/** Numbers of the state for each channel of the value; NaN for softmax, which has no finite one. */
export function stateOf(kind: MixerKind, { keyWidth, degree }: MixerSize): number {
  if (kind === 'softmax') return Number.NaN;
  return kind === 'taylor' ? stateSize(keyWidth, degree) : keyWidth;
}

export function mixerWeights(kind: MixerKind, { width, keyWidth }: MixerSize): readonly ModuleWeight[] {
  const linear = (name: string, out: number): readonly ModuleWeight[] => [
    { name: `${name}.weight`, shape: [out, width], initial: evenly(width) },
    { name: `${name}.bias`, shape: [out], initial: { kind: 'constant', value: 0 } },
  ];
  return [
    ...linear('Wqk', 2 * keyWidth),
    ...linear('Wv', width),
    ...(kind === 'normalised' ? linear('Wn', 1) : []),
    ...linear('out_proj', width),
  ];
}

/** `x` [b, L, d] of the graph's input of that name -> [b, L, d]. */
export function mixerGraph(graph: ModuleGraph, kind: MixerKind, { keyWidth, degree }: MixerSize): Value {
  const x = graph.input('x');
  const layer = (name: string, of: Value): Value =>
    linearLayer(of, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`));
  const [query, key] = split(layer('Wqk', x), 2, [keyWidth, keyWidth]) as [Value, Value];
  const product = (a: Value, b: Value): Value => fusedMatmul(a, b, { transposeB: true });
  const scores = (): Value => multiply(product(query, key), keyWidth ** -0.5);
  const value = layer('Wv', x);
  const weights = {
    softmax: () => exponential(stable(scores())),
    linear: () => product(add(elu(query), 1), add(elu(key), 1)),
    normalised: () => product(query, key),
    taylor: () => series(scores(), degree),
  }[kind]();
  const read = triangle(weights, 'lower');
  const sums = matmul(read, value);
  const mixed =
    kind === 'normalised' ? multiply(sums, exponential(negate(layer('Wn', x)))) : divide(sums, reduceSum(read, [2]));
  return layer('out_proj', mixed);
}

/** Less the largest of the row, that of later keys included: a constant that the normaliser divides out. */
const stable = (scores: Value): Value => add(scores, negate(reduceMax(scores, [2])));

/** By Horner's scheme: 1 + s (1 + s / 2 (1 + s / 3 (..))). */
function series(scores: Value, degree: number): Value {
  let sum: Value | undefined;
  for (let j = degree; j >= 1; j--) {
    const term = multiply(scores, 1 / j);
    sum = add(sum ? multiply(term, sum) : term, 1);
  }
  return sum ?? add(multiply(scores, 0), 1);
}

/**
 * Which features of a TopK dictionary are active: those of the k largest z = x read / divisor + bias of all its features, of equal ones
 * the first. The whole encoder is an input of the graph, which all variants of a run share.
 */
import {
  add,
  and,
  cast,
  divide,
  equal,
  greater,
  lessOrEqual,
  or,
  where,
} from '../../../kernels/graph/operators/elementwise';
import { matmul } from '../../../kernels/graph/operators/matrix';
import { reduceMax, reduceMin, topK } from '../../../kernels/graph/operators/reduce';
import type { GraphBuilder } from '../../../kernels/graph/builder';
import type { Value } from '../../../kernels/graph/records';
import type { FeatureForm, Rivals } from '../../dictionaries/dictionary';
import { int64, type GraphInput } from './fed-rows';
import {
  borrowedScale,
  divisorOf,
  scaleInputs,
  scaleNumbers,
  sizeOf,
  type Norms,
  type ScaleInputs,
} from './feature-scale';

export interface RivalInputs {
  /** [w, m] and [1, 1, m] */
  readonly read: Value;
  readonly bias: Value;
  /** Position of each, [1, 1, m]. */
  readonly positions: Value;
  /** 1 at the place of a feature that is changed, [b, m, f]. */
  readonly own: Value;
  /** 1 of a changed feature of the dictionary, 0 of those of others, [b, 1, f]. */
  readonly ranked: Value;
  /** [1] */
  readonly k: Value;
  readonly scale: ScaleInputs;
  /** Name of the length k. */
  readonly kept: string;
}

type Ranked = Pick<FeatureForm, 'rivals' | 'scale' | 'index'>;

/** A sentence where changes of one place are of more than one TopK dictionary. */
export function rivalsProblem(changes: readonly Pick<FeatureForm, 'rivals'>[]): string | undefined {
  const [first, ...others] = new Set(changes.flatMap(({ rivals }) => rivals ?? []));
  return first && !others.every((other) => areSame(first, other))
    ? 'Features of two TopK dictionaries at one place cannot be changed in one run. Run them one after the other.'
    : undefined;
}

/** A dictionary that was read twice has its numbers twice. */
const areSame = (a: Rivals, b: Rivals): boolean =>
  a.k === b.k &&
  a.bias.length === b.bias.length &&
  a.read.length === b.read.length &&
  a.bias.every((value, at) => value === b.bias[at]) &&
  a.read.every((value, at) => value === b.read[at]);

export function declareRivals(graph: GraphBuilder, target: string, width: number): RivalInputs {
  const [m, kept] = [`${target}_rivals`, `${target}_rivals_kept`];
  const input = (name: string, ...shape: (number | string)[]): Value =>
    graph.input(`${target}_rival_${name}`, 'float32', shape);
  const features = `${target}_features`;
  return {
    read: input('read', width, m),
    bias: input('bias', 1, 1, m),
    positions: input('positions', 1, 1, m),
    own: input('own', 'b', m, features),
    ranked: input('ranked', 'b', 1, features),
    k: graph.input(`${target}_rival_k`, 'int64', [1]),
    scale: scaleInputs((name) => input(name, 1, 1, 1)),
    kept,
  };
}

/** `own`: of each variant. `count`: features of the one that has most. */
export function rivalFeeds(
  target: string,
  own: readonly (readonly Ranked[])[],
  count: number,
): readonly (readonly [string, GraphInput])[] {
  const problem = rivalsProblem(own.flat());
  if (problem !== undefined) throw new RangeError(problem);
  const { rivals, scale } = own.flat().find((one) => one.rivals) ?? {};
  const { read, bias, k }: Rivals = rivals ?? { read: new Float32Array(0), bias: new Float32Array(0), k: 0 };
  const m = bias.length;
  const places = new Float32Array(own.length * m * count);
  const ranked = new Float32Array(own.length * count);
  own.forEach((list, v) =>
    list.forEach((one, i) => {
      if (!one.rivals) return;
      places[(v * m + one.index) * count + i] = 1;
      ranked[v * count + i] = 1;
    }),
  );
  const fed = (name: string, data: Float32Array, ...shape: number[]) =>
    [`${target}_rival_${name}`, { data, shape }] as const;
  const numbers = Object.entries(scaleNumbers(scale));
  return [
    fed('read', read, read.length / Math.max(1, m), m),
    fed('bias', bias, 1, 1, m),
    fed(
      'positions',
      Float32Array.from({ length: m }, (_, at) => at),
      1,
      1,
      m,
    ),
    fed('own', places, own.length, m, count),
    fed('ranked', ranked, own.length, 1, count),
    [`${target}_rival_k`, int64(k)],
    ...numbers.map(([name, value]) => fed(name, Float32Array.of(value), 1, 1, 1)),
  ];
}

export const borrowedRivals = (inputs: RivalInputs, operand: (value: Value) => Value): RivalInputs => ({
  read: operand(inputs.read),
  bias: operand(inputs.bias),
  positions: operand(inputs.positions),
  own: operand(inputs.own),
  ranked: operand(inputs.ranked),
  k: operand(inputs.k),
  scale: borrowedScale(inputs.scale, operand),
  kept: inputs.kept,
});

/** Whether each changed feature is among the k largest at x [b, n, w], [b, n, f]; yes of those of other dictionaries. */
export function areKept(inputs: RivalInputs, x: Value, norms: Norms): Value {
  const divisor = divisorOf(inputs.scale, sizeOf(inputs.scale, norms));
  const z = add(divide(matmul(x, inputs.read), divisor), inputs.bias);
  const [largest, places] = topK(z, { count: inputs.k, dim: inputs.kept });
  const least = reduceMin(largest, [-1]);
  const lastPlace = reduceMax(where(equal(largest, least), cast(places, 'float32'), -1), [-1]);
  // One number and zeros: the sum is exact.
  const own = matmul(z, inputs.own);
  const at = matmul(inputs.positions, inputs.own);
  const kept = or(greater(own, least), and(equal(own, least), lessOrEqual(at, lastPlace)));
  return or(lessOrEqual(inputs.ranked, 0), kept);
}

/** The same of one position on the host. */
export function isKept({ rivals, index }: Ranked, x: Float32Array, divisor: number): boolean {
  if (!rivals) return true;
  const { read, bias, k } = rivals;
  const m = bias.length;
  const z = Float64Array.from(bias);
  x.forEach((value, row) => {
    for (let at = 0; at < m; at++) z[at] = (z[at] ?? 0) + (value * (read[row * m + at] ?? 0)) / divisor;
  });
  const own = z[index] ?? Number.NaN;
  const before = z.reduce((count, value, at) => count + (value > own || (value === own && at < index) ? 1 : 0), 0);
  return before < k;
}

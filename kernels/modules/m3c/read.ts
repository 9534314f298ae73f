/**
 * Reading an external memory: n queries over M units with a key each and s tokens of value. With similarity z (a cosine, or a dot
 * product) and `there` 1 for units that may be read,
 *
 *   w = softmax(beta z) over units that are there; with links L, w' = (w + eta w L) / its sum, over units that are there;
 *   the k largest are read, their weights divided by their sum.
 *
 * A null unit, where there is one, has similarity `floor` and no tokens: what it takes is not read. A query for which nothing is
 * there gets zeros, so that what reads beside it goes on unchanged.
 */
import { add, cast, clip, divide, multiply, subtract } from '../../graph/operators/elementwise';
import { concat, gather, gatherElements, reshape, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceNorm, reduceSum, softmax as softmaxOf, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph, Tensors } from '../../module';
import { zeros, type Tensor } from '../../tensors/tensor';

export interface Reading {
  readonly similarity: string;
  readonly beta: number;
  readonly eta: number;
  readonly k: number;
  /** `soft`: one weighted sum; `hard`: the tokens of each unit that is read. */
  readonly read: string;
  readonly nullUnit: boolean;
  readonly floor: number;
}

/** Lengths below it count as it: a vector of zeros has cosine 0. Float16 holds it. */
const shortest = 1e-6;
/** Taken off the scores of units that are not there; its exponential is 0, and float16 holds it. */
const hidden = 1e4;

/** Similarities [b, n, M]. */
export function similarities(query: Tensor, keys: Tensor, similarity: string): Tensor {
  const [batch, n, width] = query.shape as [number, number, number];
  const units = keys.shape[1]!;
  const row = (of: Tensor, at: number) => of.data.subarray(at * width, (at + 1) * width);
  const length = (of: Float64Array) => (similarity === 'cosine' ? Math.max(shortest, Math.hypot(...of)) : 1);
  const scores = new Float64Array(batch * n * units);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < units; j++) {
        const [q, k] = [row(query, b * n + i), row(keys, b * units + j)];
        const dot = q.reduce((sum, value, at) => sum + value * k[at]!, 0);
        scores[(b * n + i) * units + j] = dot / length(q) / length(k);
      }
    }
  }
  return { shape: [batch, n, units], data: scores };
}

/** Weights of one query before the k largest are taken; `link(i, j)` from unit i to unit j. */
function spread(
  scores: Float64Array,
  there: Float64Array,
  link: (from: number, to: number) => number,
  { beta, eta, nullUnit, floor }: Reading,
): Float64Array {
  const candidates = [...scores].filter((_, j) => there[j] !== 0);
  if (nullUnit) candidates.push(floor);
  if (candidates.length === 0) return new Float64Array(scores.length);
  const most = Math.max(...candidates);
  const total = candidates.reduce((sum, score) => sum + Math.exp(beta * (score - most)), 0);
  const weights = scores.map((score, j) => (there[j] === 0 ? 0 : Math.exp(beta * (score - most)) / total));
  if (eta === 0) return weights;
  const hopped = weights.map((weight, j) =>
    there[j] === 0 ? 0 : weight + eta * weights.reduce((sum, from, i) => sum + from * link(i, j), 0),
  );
  // What the null unit took stays with it, and the others share the rest.
  const [before, after] = [weights, hopped].map((each) => each.reduce((a, b) => a + b, 0)) as [number, number];
  return hopped.map((weight) => (after === 0 ? 0 : (weight * before) / after));
}

export interface Read {
  /** [b, n, s, dv], or [b, n, k, s, dv] where the read is hard. */
  readonly output: Tensor;
  /** Weights of the units that are read, largest first, [b, n, k]; their sum is 1, or what the null unit left. */
  readonly weights: Tensor;
  /** Numbers of the units that are read, [b, n, k]. */
  readonly indices: Tensor;
  /** Before the k largest are taken, [b, n, M]. */
  readonly all: Tensor;
}

export function readMemory({ query, keys, values, there, links }: Tensors, reading: Reading): Read {
  const { k, read } = reading;
  const [batch, n] = query!.shape as [number, number];
  const [, units, s, dv] = values!.shape as [number, number, number, number];
  const hard = read === 'hard';
  const size = s * dv;
  const output = zeros(hard ? [batch, n, k, s, dv] : [batch, n, s, dv]);
  const [weights, indices, all] = [zeros([batch, n, k]), zeros([batch, n, k]), zeros([batch, n, units])];
  const scores = similarities(query!, keys!, reading.similarity);
  for (let b = 0; b < batch; b++) {
    const present = there!.data.subarray(b * units, (b + 1) * units);
    for (let i = 0; i < n; i++) {
      const at = b * n + i;
      const own = scores.data.subarray(at * units, (at + 1) * units);
      const link = (from: number, to: number) => links?.data[(b * units + from) * units + to] ?? 0;
      const shares = spread(own, present, link, reading);
      all.data.set(shares, at * units);
      // Without links the order is that of the scores, which do not underflow.
      const rank = (j: number): number => (reading.eta > 0 ? shares[j]! : own[j]!) - (present[j] === 0 ? hidden : 0);
      const order = Array.from({ length: units }, (_, j) => j).sort((x, y) => rank(y) - rank(x) || x - y);
      const taken = order.slice(0, k);
      const kept = taken.reduce((sum, j) => sum + shares[j]!, 0);
      const whole = shares.reduce((a, c) => a + c, 0);
      taken.forEach((unit, place) => {
        const weight = kept === 0 ? 0 : (shares[unit]! * whole) / kept;
        weights.data[at * k + place] = weight;
        indices.data[at * k + place] = unit;
        for (let c = 0; c < size; c++) {
          const value = values!.data[(b * units + unit) * size + c]!;
          if (hard) output.data[(at * k + place) * size + c] = present[unit] === 0 ? 0 : value;
          else output.data[at * size + c]! += weight * value;
        }
      });
    }
  }
  return { output, weights, indices, all };
}

export function readGraph(
  graph: ModuleGraph,
  { query, keys, values, there, links }: Readonly<Record<'query' | 'keys' | 'values' | 'there' | 'links', Value>>,
  { similarity, beta, eta, k, read, nullUnit, floor }: Reading,
): Readonly<Record<'output' | 'weights' | 'indices', Value>> {
  const [batch, n] = query.shape.map(Number) as [number, number];
  const [, units, s, dv] = values.shape.map(Number) as [number, number, number, number];
  const size = s * dv;
  const toUnit = (x: Value): Value =>
    similarity === 'cosine' ? divide(x, clip(reduceNorm(x, [2]), shortest, undefined)) : x;
  const mask = reshape(there, [batch, 1, units]);
  const off = multiply(subtract(mask, 1), hidden);
  const scores = fusedMatmul(toUnit(query), toUnit(keys), { transposeB: true });
  const scaled = add(multiply(scores, beta), off);
  const nothing = graph.constant([batch, n, 1], new Float64Array(batch * n).fill(beta * floor));
  const soft = softmaxOf(nullUnit ? concat([scaled, nothing], 2) : scaled);
  const own = nullUnit
    ? gather(
        soft,
        query.graph.constant(
          'int64',
          [units],
          Array.from({ length: units }, (_, j) => j),
        ),
        2,
      )
    : soft;
  const first = multiply(own, mask);
  const total = (x: Value): Value => reduceSum(x, [2]);
  // Sums of 0 are of rows where nothing is there.
  const rescaled = (x: Value, to: Value): Value => multiply(x, divide(to, clip(total(x), shortest, undefined)));
  const whole = total(first);
  const shares = eta === 0 ? first : rescaled(multiply(add(first, multiply(matmul(first, links), eta)), mask), whole);
  if (k === units && read === 'soft') {
    const [weights, indices] = topKOf(shares, scores, off, eta, k);
    return {
      output: reshape(matmul(shares, reshape(values, [batch, units, size])), [batch, n, s, dv]),
      weights,
      indices,
    };
  }
  const [taken, indices] = topKOf(shares, scores, off, eta, k);
  const weights = rescaled(taken, whole);
  const starts = query.graph.constant(
    'int64',
    [batch, 1, 1],
    Array.from({ length: batch }, (_, b) => b * units),
  );
  const flat = add(indices, starts);
  const rows = gather(reshape(values, [batch * units, size]), flat, 0);
  if (read === 'hard') {
    const present = unsqueeze(gather(reshape(there, [batch * units]), flat, 0), 3);
    return { output: reshape(multiply(rows, present), [batch, n, k, s, dv]), weights, indices };
  }
  const mixed = matmul(reshape(weights, [batch, n, 1, k]), rows);
  return { output: reshape(mixed, [batch, n, s, dv]), weights, indices };
}

/** The k largest weights and where they are, int64; ranked as in `readMemory`. */
function topKOf(shares: Value, scores: Value, off: Value, eta: number, k: number): readonly [Value, Value] {
  const [, indices] = topK(add(eta > 0 ? shares : scores, off), k, 2);
  return [gatherElements(shares, indices, 2), indices];
}

/** int64 positions as numbers of the graph's type. */
export const asNumbers = (indices: Value, like: Value): Value => cast(indices, like.type);

/** Multiply-adds for one sample: similarities n M d, a hop over links n M^2, a weighted sum n k s dv. */
export function readMultiplyAdds(
  size: {
    readonly queries: number;
    readonly units: number;
    readonly width: number;
    readonly tokens: number;
    readonly valueWidth: number;
  },
  { eta, k, read }: Pick<Reading, 'eta' | 'k' | 'read'>,
): number {
  const { queries: n, units, width, tokens, valueWidth } = size;
  return n * units * width + (eta > 0 ? n * units * units : 0) + (read === 'soft' ? n * k * tokens * valueWidth : 0);
}

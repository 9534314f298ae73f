/**
 * Expected values that share nothing with kernels/: nested lists instead of tensors, numbers of their own, softmax and gelu
 * written out, and which keys a query reads said anew by each test from the paper's words.
 */
import assert from 'node:assert/strict';
import type { Mechanism, ParameterValues } from '../../../../kernels/mechanism';
import { resolveTable } from '../../../../protocol/analysis/parameters';
import type { AttentionShape } from '../../../../kernels/shape';
import { runGraph, runMechanism } from '../run';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

export type Row = readonly number[];
/** [position][channel]. */
export type Matrix = readonly Row[];
/** [batch][head][position][channel]. */
export type Rows = readonly (readonly Matrix[])[];
export type Nested = number | readonly Nested[];

export interface Given {
  readonly shape: AttentionShape;
  readonly query: Rows;
  readonly key: Rows;
  readonly value: Rows;
  readonly weights: Readonly<Record<string, Nested>>;
}

export interface Case<P extends ParameterValues> {
  readonly name: string;
  readonly shape?: Partial<AttentionShape>;
  readonly parameters?: Partial<P>;
  /** Dimensions of every weight. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  /** What the weights are multiplied by, and what is added: 1 and 0. */
  readonly scaled?: Readonly<Record<string, readonly [by: number, plus: number]>>;
  readonly expected: (given: Given) => Rows;
  /** Allowed error of the reference, relative to the largest expected number; 1e-11 where absent. */
  readonly allowed?: number;
  /** Further steps of decoding after the pass; 3 where the mechanism decodes by a state. */
  readonly steps?: number;
}

/** No two sizes alike, so that none can stand for another. */
const base: AttentionShape = {
  pattern: 'causal-self',
  batch: 3,
  heads: 4,
  kvHeads: 2,
  queries: 11,
  keys: 11,
  headDim: 6,
  valueDim: 5,
};

/** A number between -1.5 and 1.5, exact in float32. */
const numberAt = (seed: number, at: number): number => {
  const x = Math.sin(seed * 127.1 + at * 311.7) * 43758.5453;
  return Math.round((x - Math.floor(x)) * 3072 - 1536) / 1024;
};

/** Every case of the files that are loaded: test/mutations looks at what they reach. */
export const registered: {
  readonly mechanism: Mechanism;
  readonly shape: AttentionShape;
  readonly parameters: ParameterValues;
}[] = [];

/** The seed follows from the name of a case, so that its numbers do not depend on what else is run. */
const seedOf = (name: string): number =>
  [...name].reduce((seed, letter) => (seed * 31 + letter.codePointAt(0)!) % 9973, 7);

function numbers(dims: readonly number[], seed: number, by = 1, plus = 0): Nested {
  let at = 0;
  const make = ([count, ...rest]: readonly number[]): Nested =>
    count === undefined
      ? Math.fround(by * numberAt(seed, ++at) + plus)
      : Array.from({ length: count }, () => make(rest));
  return make(dims);
}

export function flat(x: Nested): number[] {
  return typeof x === 'number' ? [x] : x.flatMap(flat);
}

const dimsOf = (x: Nested): number[] =>
  typeof x === 'number' ? [] : [x.length, ...(x.length > 0 ? dimsOf(x[0]!) : [])];

const tensorOf = (x: Nested) => ({ shape: dimsOf(x), data: Float64Array.from(flat(x)) });

const inputsOf = ({ query, key, value, weights }: Given): AttentionInputs => ({
  query: tensorOf(query),
  key: tensorOf(key),
  value: tensorOf(value),
  weights: Object.fromEntries(Object.entries(weights).map(([name, x]) => [name, tensorOf(x)])),
});

export function assertNear(
  actual: ArrayLike<number>,
  expected: readonly number[],
  allowed: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, what);
  assert.ok(expected.every(Number.isFinite), `${what}: the expected numbers are not finite`);
  const most = expected.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1);
  expected.forEach((x, at) => {
    const difference = Math.abs(actual[at]! - x);
    assert.ok(difference <= allowed * most, `${what}: number ${at} is ${actual[at]}, expected ${x}`);
  });
}

/** Positions [0, end) of the keys and the queries that stand there. */
const upTo = (given: Given, end: number): Given => {
  const cut = (x: Rows) => x.map((heads) => heads.map((rows) => rows.slice(0, end)));
  return {
    ...given,
    shape: { ...given.shape, queries: end, keys: end },
    query: cut(given.query),
    key: cut(given.key),
    value: cut(given.value),
  };
};
const only = (x: Rows, position: number): Rows => x.map((heads) => heads.map((rows) => [rows[position]!]));

/** Reference, graph and steps of decoding of each case against its expected numbers. */
export function expectValues<P extends ParameterValues>(mechanism: Mechanism<P>, cases: readonly Case<P>[]): void {
  describe(`Expected values from the definition: ${mechanism.id}`, function () {
    this.timeout(30_000);
    for (const { name, shape: change, parameters: chosen, weights = {}, scaled = {}, ...more } of cases) {
      const shape = { ...base, ...change };
      const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
      const resolution = resolveTable(mechanism.id, mechanism.parameters, chosen ?? {});
      assert.ok(resolution.ok, resolution.ok ? '' : resolution.why);
      const parameters = resolution.values;
      registered.push({ mechanism: mechanism, shape, parameters });
      const seed = seedOf(`${mechanism.id} ${name}`);
      const given: Given = {
        shape,
        query: numbers([batch, heads, queries, headDim], seed) as Rows,
        key: numbers([batch, kvHeads, keys, headDim], seed + 0.25) as Rows,
        value: numbers([batch, kvHeads, keys, valueDim], seed + 0.5) as Rows,
        weights: Object.fromEntries(
          Object.entries(weights).map(([weight, dims], at) => [
            weight,
            numbers(dims, seed + 0.6 + at / 32, ...(scaled[weight] ?? [1, 0])),
          ]),
        ),
      };
      const expected = () => flat(more.expected(given));

      it(`${name}, in float64`, () => {
        const support = mechanism.supports(shape, parameters);
        assert.ok(support.ok, support.ok ? '' : support.why);
        const output = mechanism.reference(inputsOf(given), shape, parameters);
        assert.deepEqual(output.shape, [batch, heads, queries, valueDim]);
        assertNear(output.data, expected(), more.allowed ?? 1e-11, name);
        if (!mechanism.referenceRows) return;
        const asked = [...new Set([0, queries >> 1, queries - 1])];
        const rows = mechanism.referenceRows(inputsOf(given), shape, parameters, asked);
        const some = more.expected(given).map((each) => each.map((row) => asked.map((at) => row[at]!)));
        assertNear(rows.data, flat(some), more.allowed ?? 1e-11, `rows of ${name}`);
      });

      it(`${name}, by the graph`, async () => {
        const output = await runMechanism(mechanism, inputsOf(given), shape, parameters);
        assertNear(output.data, expected(), 1e-5, name);
      });

      const { decode } = mechanism;
      if (!decode || shape.pattern !== 'causal-self' || queries !== keys) continue;
      it(`${name}, step by step`, async () => {
        for (let keysThen = keys - (more.steps ?? 3); keysThen < keys; keysThen++) {
          const before = upTo(given, keysThen);
          const now = upTo(given, keysThen + 1);
          if (!mechanism.supports(before.shape, parameters).ok || !mechanism.supports(now.shape, parameters).ok)
            continue;
          const state = decode.stateAfter(inputsOf(before), before.shape, parameters);
          const { output } = await runGraph(decode.build({ ...now.shape, queries: 1 }, parameters, 'float32'), {
            ...inputsOf(given).weights,
            ...state,
            query: tensorOf(only(given.query, keysThen)),
            key: tensorOf(only(given.key, keysThen)),
            value: tensorOf(only(given.value, keysThen)),
          });
          assertNear(output!.data, flat(only(more.expected(now), keysThen)), 1e-5, `${name}, step ${keysThen}`);
        }
      });
    }
  });
}

export const dot = (a: Row, b: Row): number => a.reduce((sum, x, c) => sum + x * b[c]!, 0);
export const range = (from: number, to: number): number[] => {
  const list: number[] = [];
  for (let i = from; i < to; i++) list.push(i);
  return list;
};
export const softmax = (x: Row): Row => {
  const e = x.map((each) => Math.exp(each));
  const total = e.reduce((sum, each) => sum + each, 0);
  return e.map((each) => each / total);
};
export const plus = (a: Row, b: Row, by = 1): Row => a.map((x, c) => x + by * b[c]!);
export const times = (a: Row, by: number): Row => a.map((x) => x * by);
export const mean = (rows: Matrix): Row =>
  times(
    rows.reduce((sum, row) => plus(sum, row)),
    1 / rows.length,
  );
/** sum of w_j x_j. */
export const weighted = (weights: Row, rows: Matrix): Row =>
  rows.reduce((sum, row, j) => plus(sum, row, weights[j]), times(rows[0]!, 0));
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** x W for W[row][column]. */
export const product = (x: Row, matrix: Matrix): Row => weighted(x, matrix);

/** The key/value head of each query head: neighbours share one. */
export function sharedHeads({ heads, kvHeads }: AttentionShape): readonly number[] {
  const list: number[] = [];
  for (let kv = 0; kv < kvHeads; kv++) for (let g = 0; g < heads / kvHeads; g++) list.push(kv);
  return list;
}

/** One head of one sequence, with the query of every row and all keys and values. */
export interface Head {
  readonly b: number;
  readonly h: number;
  readonly kv: number;
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
}

export const eachHead = ({ shape, query, key, value }: Given, rows: (head: Head) => Matrix): Rows =>
  query.map((heads, b) =>
    heads.map((own, h) => {
      const kv = sharedHeads(shape)[h]!;
      return rows({ b, h, kv, query: own, key: key[b]![kv]!, value: value[b]![kv]! });
    }),
  );

/** The row of a query by the keys that it reads: zeros where it reads none. */
export const attended = (
  head: Head,
  row: number,
  keys: readonly number[],
  score: (query: Row, key: Row, j: number) => number = (q, k) => dot(q, k) / Math.sqrt(q.length),
): Row => {
  if (keys.length === 0) return times(head.value[0]!, 0);
  const weights = softmax(keys.map((j) => score(head.query[row]!, head.key[j]!, j)));
  return weighted(
    weights,
    keys.map((j) => head.value[j]!),
  );
};

/** Softmax attention in which each query reads the keys of a list, said by head and by position among the keys. */
export const byLists =
  (
    list: (place: {
      readonly h: number;
      readonly kv: number;
      readonly position: number;
      readonly shape: AttentionShape;
    }) => readonly number[],
  ) =>
  (given: Given): Rows => {
    const { shape } = given;
    return eachHead(given, (head) =>
      head.query.map((_, i) => {
        const position = i + shape.keys - shape.queries;
        return attended(head, i, position < 0 ? [] : list({ h: head.h, kv: head.kv, position, shape }));
      }),
    );
  };

/** All keys, or in causal self-attention those up to the own position. */
export const everything = byLists(({ position, shape }) =>
  range(0, shape.pattern === 'causal-self' ? position + 1 : shape.keys),
);
export const dense = (given: Given): Rows =>
  given.shape.pattern === 'causal-self'
    ? everything(given)
    : eachHead(given, (head) => head.query.map((_, i) => attended(head, i, range(0, given.shape.keys))));

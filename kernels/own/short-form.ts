/**
 * The short form of a kernel file, as in FlexAttention: softmax attention with a change of the scores, a mask, or both, each one
 * small function. The mask is a function of positions in plain numbers. The change of a score is written over `Arithmetic`, so
 * that one function gives the float64 reference (on numbers) and the graph (on values of the builder).
 */
import { attentionGraph, foldGroup, groupQueries, unfoldGroup, type AttentionValues } from '../graph/attention-graph';
import { absolute, add, divide, exponential, hyperbolicTangent, less, logarithm } from '../graph/operators/elementwise';
import { maximum, minimum, multiply, subtract, where } from '../graph/operators/elementwise';
import { concat, expand, gatherRange, reshape } from '../graph/operators/layout';
import { fusedMatmul, matmul } from '../graph/operators/matrix';
import { softmax } from '../graph/operators/reduce';
import type { Value } from '../graph/records';
import { integers } from '../integers';
import type { Mechanism, ParameterTable, ParameterValues } from '../mechanism';
import { denseReads } from '../reference/pattern';
import { allRows, softmaxRows, type SoftmaxDefinition } from '../reference/softmax';
import { queryOffset, type AttentionShape, type Precision } from '../shape';
import type { KernelFile } from './kernel-file';

/** A query head, and the positions of query and key, both counted from the first key (in cross attention each from its own first). */
export interface Pair<T = number> {
  readonly head: T;
  readonly query: T;
  readonly key: T;
}

/** What the change of a score may do: on numbers in the reference, on values in the graph. Operands may be plain numbers. */
export interface Arithmetic<T> {
  add(a: T | number, b: T | number): T;
  subtract(a: T | number, b: T | number): T;
  multiply(a: T | number, b: T | number): T;
  divide(a: T | number, b: T | number): T;
  minimum(a: T | number, b: T | number): T;
  maximum(a: T | number, b: T | number): T;
  absolute(a: T): T;
  exponential(a: T): T;
  logarithm(a: T): T;
  tanh(a: T): T;
  /** 2 to the power a. */
  power2(a: T): T;
  /** `yes` where a < b, otherwise `no`; a score of -Infinity is not read. */
  whereLess(a: T | number, b: T | number, yes: T | number, no: T | number): T;
}

export interface ShortForm<P extends ParameterValues = ParameterValues> {
  readonly title: string;
  readonly summary?: string;
  readonly parameters?: ParameterTable<P>;
  /** Whether the query reads the key. In causal self-attention later keys are left out beside this. */
  readonly maskMod?: (pair: Pair, parameters: P, shape: AttentionShape) => boolean;
  /** The score in place of the given one, q·k / √d. */
  readonly scoreMod?: <T>(
    score: T,
    pair: Pair<T>,
    arithmetic: Arithmetic<T>,
    parameters: P,
    shape: AttentionShape,
  ) => T;
}

/** A mechanism from one or two small functions. Blocks of keys that no query of a tile reads are not computed. */
export function shortForm<P extends ParameterValues = ParameterValues>(form: ShortForm<P>): KernelFile<P> {
  const definitionOf = (shape: AttentionShape, parameters: P): SoftmaxDefinition & { readonly reads: Reads } => ({
    reads: readsOf(form, shape, parameters),
  });
  const rowsOf: NonNullable<Mechanism<P>['referenceRows']> = (inputs, shape, parameters, rows) => {
    const offset = offsetOf(shape);
    const { scoreMod } = form;
    return softmaxRows(inputs, shape, rows, {
      ...definitionOf(shape, parameters),
      ...(scoreMod && {
        change: (score, head, query, key) =>
          scoreMod(score, { head, query: query + offset, key }, numbers, parameters, shape),
        emptied: (head, query) => {
          // In causal cross attention a query may have no key before it.
          if (!denseReads(shape)(head, query, 0)) return;
          throw new RangeError(
            `Query ${query} of head ${head} reads no key after scoreMod: all of its scores are -Infinity. ` +
              'Leave each query one key, such as the one at its own position.',
          );
        },
      }),
    });
  };
  return {
    title: form.title,
    ...(form.summary === undefined ? {} : { summary: form.summary }),
    ...(form.parameters ? { parameters: form.parameters } : {}),
    supports: (shape, parameters) => {
      const { reads } = definitionOf(shape, parameters);
      const blind = unreadRow(shape, reads);
      if (!blind) return { ok: true };
      const why = `Query ${blind.query} of head ${blind.head} reads no key. Let maskMod leave each query one key.`;
      return { ok: false, why, mistaken: true };
    },
    reference: (inputs, shape, parameters) => rowsOf(inputs, shape, parameters, allRows(shape)),
    referenceRows: rowsOf,
    build: (full, parameters, precision) =>
      attentionGraph('short-form', full, precision, 'heads-first', (values, shape) =>
        attendTiles(values, shape, precision, form, parameters),
      ),
    pattern: (shape, parameters) => ({ dependsOnData: false, reads: definitionOf(shape, parameters).reads }),
  };
}

type Reads = (head: number, query: number, key: number) => boolean;

const offsetOf = (shape: AttentionShape): number => (shape.pattern.endsWith('self') ? queryOffset(shape) : 0);

function readsOf<P extends ParameterValues>(form: ShortForm<P>, shape: AttentionShape, parameters: P): Reads {
  const dense = denseReads(shape);
  const { maskMod } = form;
  if (!maskMod) return dense;
  const offset = offsetOf(shape);
  return (head, query, key) =>
    dense(head, query, key) && maskMod({ head, query: query + offset, key }, parameters, shape);
}

/** A query that has keys before it and reads none of them: its softmax is over nothing. */
function unreadRow(shape: AttentionShape, reads: Reads): { readonly head: number; readonly query: number } | undefined {
  const dense = denseReads(shape);
  for (let head = 0; head < shape.heads; head++) {
    for (let query = 0; query < shape.queries; query++) {
      if (!dense(head, query, 0)) continue;
      let key = shape.keys - 1;
      while (key >= 0 && !reads(head, query, key)) key--;
      if (key < 0) return { head, query };
    }
  }
  return undefined;
}

const tileRows = 64;

function attendTiles<P extends ParameterValues>(
  { builder, query, key, value }: AttentionValues,
  shape: AttentionShape,
  precision: Precision,
  form: ShortForm<P>,
  parameters: P,
): Value {
  const reads = readsOf(form, shape, parameters);
  const offset = offsetOf(shape);
  const grouped = groupQueries(query, shape);
  const masks = new Map<string, Value>();
  const parts: Value[] = [];
  for (let start = 0; start < shape.queries; start += tileRows) {
    const end = Math.min(start + tileRows, shape.queries);
    const { from, to } = keysOf(shape, reads, start, end);
    const [rows, columns] = [end - start, to - from];
    const tile = foldGroup(gatherRange(grouped, 3, start, end));
    const scores = fusedMatmul(tile, gatherRange(key, 2, from, to), {
      transposeB: true,
      scale: shape.headDim ** -0.5,
    });
    let changed = unfoldGroup(scores, shape); // [b, h, rows, columns]
    if (form.scoreMod) {
      const constant = (dims: readonly number[], first: number, length: number) =>
        builder.constant(precision, dims, integers(first, first + length));
      const pair: Pair<Value> = {
        head: opaque(constant([shape.heads, 1, 1], 0, shape.heads)),
        query: opaque(constant([rows, 1], start + offset, rows)),
        key: opaque(constant([1, columns], from, columns)),
      };
      const made: unknown = form.scoreMod<Value>(opaque(changed), pair, onValues(changed), parameters, shape);
      if (!isValue(made)) {
        throw new TypeError(
          `scoreMod returned ${inWords(made)}. Return its first argument, or what a function of its third argument gives.`,
        );
      }
      changed = expand(made, changed.shape.map(Number));
    }
    const mask = maskOf(changed, shape, masks, (head, i, j) => reads(head, start + i, from + j), rows, columns);
    const masked = mask ? add(changed, mask) : changed;
    const output = matmul(softmax(reshape(masked, scores.shape)), gatherRange(value, 2, from, to));
    parts.push(unfoldGroup(output, shape));
  }
  return concat(parts, 2);
}

/** The keys [from, to) outside which no query [start, end) of any head reads. */
function keysOf(shape: AttentionShape, reads: Reads, start: number, end: number) {
  const anyReads = (key: number): boolean => {
    for (let head = 0; head < shape.heads; head++) {
      for (let query = start; query < end; query++) if (reads(head, query, key)) return true;
    }
    return false;
  };
  let from = 0;
  while (from < shape.keys - 1 && !anyReads(from)) from++;
  let to = shape.keys;
  while (to > from + 1 && !anyReads(to - 1)) to--;
  return { from, to };
}

/** 0 where a pair is read and -infinity elsewhere, [rows, columns] or one for each head; undefined where all are read. */
function maskOf(
  like: Value,
  shape: AttentionShape,
  known: Map<string, Value>,
  reads: Reads,
  rows: number,
  columns: number,
): Value | undefined {
  const one = (head: number): string => {
    const bits: string[] = [];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) bits.push(reads(head, i, j) ? '1' : '0');
    }
    return bits.join('');
  };
  const heads = integers(0, shape.heads).map(one);
  const alike = heads.every((bits) => bits === heads[0]);
  const bits = alike ? heads[0]! : heads.join('');
  if (!bits.includes('0')) return undefined;
  const key = `${rows} ${bits}`;
  const found = known.get(key);
  if (found) return found;
  const numbersOfMask = Float32Array.from(bits, (bit) => (bit === '1' ? 0 : -Infinity));
  const dims = alike ? [rows, columns] : [shape.heads, rows, columns];
  const made = like.graph.constant(like.type, dims, numbersOfMask);
  known.set(key, made);
  return made;
}

const numbers: Arithmetic<number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  minimum: (a, b) => Math.min(a, b),
  maximum: (a, b) => Math.max(a, b),
  absolute: (a) => Math.abs(a),
  exponential: (a) => Math.exp(a),
  logarithm: (a) => Math.log(a),
  tanh: (a) => Math.tanh(a),
  power2: (a) => 2 ** a,
  whereLess: (a, b, yes, no) => (a < b ? yes : no),
};

/** A value that the operators of the language refuse: `score * 2` would be NaN here, and a number in the reference. */
const opaque = (value: Value): Value => Object.defineProperty({ ...value }, Symbol.toPrimitive, { value: refuse });

function refuse(): never {
  throw new TypeError(
    'scoreMod uses an operator such as *, - or <, or a function of Math, on a score or a position. ' +
      'Use its third argument, the arithmetic: m.multiply(a, b) for a * b, m.whereLess(a, b, yes, no) for a < b ? yes : no.',
  );
}

const isValue = (given: unknown): given is Value => typeof given === 'object' && given !== null && 'graph' in given;

const inWords = (given: unknown): string =>
  typeof given === 'number' || given === undefined || given === null ? String(given) : `a ${typeof given}`;

const onValues = (like: Value): Arithmetic<Value> => {
  const given = (a: Value | number): Value => {
    if (typeof a === 'number') return like.graph.constant(like.type, [1], [a]);
    if (isValue(a)) return a;
    throw new TypeError(`The arithmetic of scoreMod takes values and numbers, and was given ${inWords(a)}.`);
  };
  const one = (act: (a: Value) => Value) => (a: Value | number) => opaque(act(given(a)));
  const two = (act: (a: Value, b: Value) => Value) => (a: Value | number, b: Value | number) =>
    opaque(act(given(a), given(b)));
  return {
    add: two(add),
    subtract: two(subtract),
    multiply: two(multiply),
    divide: two(divide),
    minimum: two(minimum),
    maximum: two(maximum),
    absolute: one(absolute),
    exponential: one(exponential),
    logarithm: one(logarithm),
    tanh: one(hyperbolicTangent),
    power2: one((a) => exponential(multiply(a, Math.LN2))),
    whereLess: (a, b, yes, no) => opaque(where(less(given(a), given(b)), given(yes), given(no))),
  };
};

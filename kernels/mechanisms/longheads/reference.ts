/**
 * LongHeads in float64, straight from the released attention class (arXiv:2402.10685, LuLuLuyi/LongHeads).
 *
 * Letters: w positions of a chunk, K chunks of the budget, i position of a query, c(i) = floor(i / w), R_p rotation at p.
 */
import { queryOffset, type AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { dot } from '../../tensors/vectors';
import type { AttentionInputs } from '../../tensors/tensor';

export interface LongHeadsRule {
  readonly chunk: number;
  /** K: chunks that a query reads, chunk 0, its own and the one before it among them. */
  readonly chunks: number;
  /** Queries before this position read everything before them. */
  readonly begin: number;
  readonly selfIncluded: boolean;
  /** 0: no rotation. */
  readonly rotaryBase: number;
}

/** Queries below this position have ordinary attention: they are before `begin`, or all their chunks fit into the budget. */
export const ordinaryBelow = ({ chunk, chunks, begin }: LongHeadsRule): number => Math.max(begin, chunk * chunks);

/** x rotated as at position p, halves turned against each other: pair (x, x + d / 2) by p base^(-2 x / d). */
export function rotated(x: ArrayLike<number>, position: number, base: number): Float64Array {
  const half = x.length / 2;
  const turned = Float64Array.from(x);
  if (base === 0) return turned;
  for (let c = 0; c < half; c++) {
    const angle = position * base ** (-c / half);
    const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
    turned[c] = x[c]! * cosine - x[c + half]! * sine;
    turned[c + half] = x[c + half]! * cosine + x[c]! * sine;
  }
  return turned;
}

function attend(scores: readonly number[], values: readonly ArrayLike<number>[], width: number): Float64Array {
  const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const weights = scores.map((score) => Math.exp(score - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const output = new Float64Array(width);
  weights.forEach((weight, j) => {
    for (let x = 0; x < width; x++) output[x]! += (weight / total) * values[j]![x]!;
  });
  return output;
}

/**
 * The summary of a chunk for one head: o_i = attention of its queries over its keys in both directions at local positions,
 * m = mean of o_i (values used as a query: so is the method), key = sum_j softmax_j(m . R_j k_j / sqrt(d)) R_j k_j.
 * `firstPosition` 0 is the method; the mean does not depend on it, the key does.
 */
export function chunkSummary(
  queries: readonly ArrayLike<number>[],
  keys: readonly ArrayLike<number>[],
  values: readonly ArrayLike<number>[],
  base: number,
  firstPosition = 0,
): { readonly mean: Float64Array; readonly key: Float64Array } {
  const width = keys[0]!.length;
  const local = keys.map((key, j) => rotated(key, firstPosition + j, base));
  const mean = new Float64Array(width);
  queries.forEach((query, i) => {
    const own = rotated(query, firstPosition + i, base);
    const output = attend(
      local.map((key) => dot(own, key) / Math.sqrt(width)),
      values,
      width,
    );
    output.forEach((number, x) => (mean[x]! += number / queries.length));
  });
  const key = attend(
    local.map((each) => dot(mean, each) / Math.sqrt(width)),
    local,
    width,
  );
  return { mean, key };
}

/**
 * Chunks that a query beyond `ordinaryBelow` reads, ascending: 0, c(i) - 1, c(i), and the K - 3 of 1 .. c(i) - 2 whose keys
 * score highest with the unrotated query (the earlier one first among equals). Undefined when a score is NaN.
 */
export function chosenChunks(
  scores: (chunk: number) => number,
  current: number,
  rule: LongHeadsRule,
): readonly number[] | undefined {
  const candidates = Array.from({ length: current - 2 }, (_, at) => at + 1);
  const known = new Map(candidates.map((chunk) => [chunk, scores(chunk)]));
  if ([...known.values()].some(Number.isNaN)) return undefined;
  const best = candidates.sort((a, b) => known.get(b)! - known.get(a)! || a - b).slice(0, rule.chunks - 3);
  return [0, ...best.sort((a, b) => a - b), current - 1, current];
}

/** Rows of one head of one sequence, by position. */
interface HeadRows {
  readonly query: (i: number) => Float64Array;
  readonly key: (j: number) => Float64Array;
  readonly value: (j: number) => Float64Array;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** The chunks of a query beyond `ordinaryBelow`; summaries are made when they are first asked for. */
function chooser({ query, key, value }: HeadRows, rule: LongHeadsRule) {
  const { chunk: w, rotaryBase } = rule;
  const summaries = new Map<number, Float64Array>();
  const summaryOf = (chunk: number): Float64Array => {
    const known = summaries.get(chunk);
    if (known) return known;
    const places = range(chunk * w, (chunk + 1) * w);
    const summary = chunkSummary(places.map(query), places.map(key), places.map(value), rotaryBase).key;
    summaries.set(chunk, summary);
    return summary;
  };
  return (i: number): readonly number[] | undefined =>
    chosenChunks((chunk) => dot(query(i), summaryOf(chunk)), Math.floor(i / w), rule);
}

function attendRows(
  rows: HeadRows,
  rule: LongHeadsRule,
  positions: readonly number[],
  width: number,
): readonly (Float64Array | undefined)[] {
  const { query, key, value } = rows;
  const { chunk: w, rotaryBase } = rule;
  const choose = chooser(rows, rule);
  return positions.map((i) => {
    if (i < 0) return undefined;
    const scale = Math.sqrt(query(i).length);
    if (i < ordinaryBelow(rule)) {
      const own = rotated(query(i), i, rotaryBase);
      const keys = range(0, i + 1);
      return attend(
        keys.map((j) => dot(own, rotated(key(j), j, rotaryBase)) / scale),
        keys.map(value),
        width,
      );
    }
    const chosen = choose(i);
    if (!chosen) return new Float64Array(width).fill(Number.NaN);
    const last = rule.selfIncluded ? i : i - 1;
    const keys = chosen.flatMap((chunk) => range(chunk * w, Math.min((chunk + 1) * w, last + 1)));
    // Positions are renumbered over the chosen keys; the query is where its own key is or would be.
    const own = rotated(query(i), (rule.chunks - 1) * w + (i % w), rotaryBase);
    return attend(
      keys.map((j, position) => dot(own, rotated(key(j), position, rotaryBase)) / scale),
      keys.map(value),
      width,
    );
  });
}

/** The rows of a query head in a batch. */
function rowsOfHead(
  inputs: AttentionInputs,
  { heads, kvHeads, queries, keys, headDim, valueDim }: AttentionShape,
  b: number,
  h: number,
): HeadRows {
  const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads));
  const row = (x: Tensor, at: number, width: number) => x.data.subarray(at * width, (at + 1) * width);
  return {
    query: (i) => row(inputs.query, (b * heads + h) * queries + i - (keys - queries), headDim),
    key: (j) => row(inputs.key, kvHead * keys + j, headDim),
    value: (j) => row(inputs.value, kvHead * keys + j, valueDim),
  };
}

/** Which keys a query head of batch 0 reads. */
export function longHeadsChoice(
  inputs: AttentionInputs,
  shape: AttentionShape,
  rule: LongHeadsRule,
  head: number,
): (query: number, key: number) => boolean {
  const offset = queryOffset(shape);
  const choose = chooser(rowsOfHead(inputs, shape, 0, head), rule);
  const chunks = Array.from({ length: shape.queries }, (_, row) =>
    row + offset < ordinaryBelow(rule) ? undefined : new Set(choose(row + offset)),
  );
  return (row, at) => {
    const own = chunks[row];
    if (own === undefined) return at <= row + offset;
    return own.has(Math.floor(at / rule.chunk)) && at <= row + offset - (rule.selfIncluded ? 0 : 1);
  };
}

/** The queries listed; [b, h, rows.length, dv]. Queries before the first key give zeros. */
export function longHeadsRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  rule: LongHeadsRule,
  rows: readonly number[],
): Tensor {
  const { batch, heads, valueDim } = shape;
  const output = zeros([batch, heads, rows.length, valueDim]);
  const offset = queryOffset(shape);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const results = attendRows(
        rowsOfHead(inputs, shape, b, h),
        rule,
        rows.map((each) => each + offset),
        valueDim,
      );
      results.forEach((result, r) => {
        if (result) output.data.set(result, ((b * heads + h) * rows.length + r) * valueDim);
      });
    }
  }
  return output;
}

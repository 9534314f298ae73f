/**
 * The heads of one layer as readers and writers. Elhage et al. 2021 compare what head B reads with what an earlier head A
 * writes by
 *
 *   |W_B W_A| / (|W_B| |W_A|), norms of Frobenius, W_A = W_O W_V of A and W_B
 *   - Q-composition: W_K^T W_Q, - K-composition: W_Q^T W_K, - V-composition: W_O W_V, of B.
 *
 * With R of the QR decomposition of the outer map (`triangular`), |W_K^T W_Q X| = |R_K W_Q X|: each reader is a matrix [d, w],
 * each writer one [w, d], and all scores of two layers come from one product of theirs.
 */
import type { ModelFacts } from '../../model-runner/model-runner';
import type { LayerWeights } from '../../model-runner/weights';
import { sharedOf } from '../../shared/weights/head-of';
import { foldedLayer } from '../../shared/weights/folding';
import { singularValues, times, triangular } from '../../shared/weights/spectra';

export const compositionKinds = ['query', 'key', 'value'] as const;
export type CompositionKind = (typeof compositionKinds)[number];

export interface LayerFactors {
  readonly heads: number;
  readonly headDim: number;
  /** By head, largest first. */
  readonly ov: readonly (readonly number[])[];
  readonly qk: readonly (readonly number[])[];
  /** By head: the trace of W_Q^T W_K, with the factor of the scores. */
  readonly qkTrace: readonly number[];
  /** What the heads read for each kind, [h d, w]. */
  readonly readers: Readonly<Record<CompositionKind, Float32Array>>;
  /** What they write, transposed, [h d, w]. */
  readonly writers: Float32Array;
  /** [g d, w] and [h d, w], norms folded in. */
  readonly value: Float32Array;
  readonly written: Float32Array;
  readonly gated: boolean;
}

export function layerFactors(weights: LayerWeights, block: ModelFacts['blocks'][number]): LayerFactors {
  const { heads, headDim: d } = block;
  const { query, key, value, written } = foldedLayer(weights, d);
  const width = query.length / (heads * d);
  const part = (rows: Float32Array, of: number): Float32Array => rows.subarray(of * d * width, (of + 1) * d * width);
  const shared = Array.from({ length: block.kvHeads }, (_, of) => ({
    key: triangular(part(key, of), d),
    value: triangular(part(value, of), d),
  }));
  const readers = { query: new Float32Array(query.length), key: query.slice(), value: query.slice() };
  const writers = new Float32Array(written.length);
  const ov: (readonly number[])[] = [];
  const qk: (readonly number[])[] = [];
  const qkTrace: number[] = [];
  for (let head = 0; head < heads; head++) {
    const of = sharedOf(block, head);
    const inner = shared[of];
    if (!inner) throw new RangeError(`no key/value head ${of}`);
    const outerQuery = triangular(part(query, head), d);
    const outerWritten = triangular(part(written, head), d);
    const at = head * d * width;
    readers.query.set(times(inner.key, part(query, head)), at);
    readers.key.set(times(outerQuery, part(key, of)), at);
    readers.value.set(times(outerWritten, part(value, of)), at);
    writers.set(times(inner.value, part(written, head)), at);
    ov.push(singularValues(outerWritten, inner.value));
    qk.push(singularValues(outerQuery, inner.key));
    // The trace of W_Q^T W_K is the sum of the products of their entries.
    const keys = part(key, of);
    qkTrace.push(part(query, head).reduce((sum, entry, i) => sum + entry * (keys[i] ?? 0), 0));
  }
  return { heads, headDim: d, ov, qk, qkTrace, readers, writers, value, written, gated: weights.gated ?? false };
}

/** Sums of squares of the blocks of a matrix [rows, columns], a block a pair of heads. */
export function blockNorms(
  product: Float32Array,
  { heads: down, headDim: high }: Pick<LayerFactors, 'heads' | 'headDim'>,
  { heads: across, headDim: wide }: Pick<LayerFactors, 'heads' | 'headDim'>,
): number[][] {
  const columns = across * wide;
  return Array.from({ length: down }, (_, reader) =>
    Array.from({ length: across }, (__, writer) => {
      let sum = 0;
      for (let row = reader * high; row < (reader + 1) * high; row++) {
        for (let column = writer * wide; column < (writer + 1) * wide; column++) {
          sum += (product[row * columns + column] ?? 0) ** 2;
        }
      }
      return Math.sqrt(sum);
    }),
  );
}

/** What a checkpoint makes of the last stream of a text besides logits of tokens: labels of a classifier, or the embedding of the text. */
import type { Variant } from '../../models/instrument/changes/changes';
import type { Sequence } from './sequence';

export interface ReadoutFacts {
  /** For a classifier: names of its labels, and whether it gives them to the text, to each token, or to the two ends of an answer. */
  readonly labels?: { readonly names: readonly string[]; readonly of: 'text' | 'token' | 'span' };
  /** Numbers of the embedding of a text, and how it is made, e.g. `mean of the tokens, normalised`. */
  readonly embedding?: { readonly width: number; readonly made: string };
}

/** A number that is made of the last stream, whose gradient with respect to it is wanted. */
export type ReadoutTarget =
  /** Sum of logits of labels behind rows, each times its weight; of a text the row counts for nothing. */
  | {
      readonly kind: 'labels';
      readonly terms: readonly { readonly row: number; readonly label: number; readonly weight: number }[];
    }
  /** Cosine of the embedding and this one. */
  | { readonly kind: 'similarity'; readonly other: Float64Array };

export interface Readout extends ReadoutFacts {
  /** [variants][rows][labels]: one row of a text, else one for each token. */
  logits(sequence: Sequence, variants: readonly Variant[]): Promise<readonly (readonly Float64Array[])[]>;
  /** By variant. */
  embeddings(sequence: Sequence, variants: readonly Variant[]): Promise<readonly Float64Array[]>;
  /** Gradient of the number with respect to the stream that leaves the last layer, [n, w]. */
  slope(sequence: Sequence, variant: Variant, target: ReadoutTarget): Promise<Float32Array>;
}

/** Cosine of two embeddings; 0 where one of them is nothing. */
export function similarity(a: Float64Array, b: Float64Array): number {
  const dot = a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
  const lengths = Math.hypot(...a) * Math.hypot(...b);
  return lengths === 0 ? 0 : dot / lengths;
}

/** ln of the sum of e^l. */
export function logSumOf(logits: ArrayLike<number>): number {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

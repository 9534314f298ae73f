/**
 * The shapes of one attention call and the four patterns of attention.
 *
 * Patterns are the taxonomy of CAB (Comprehensive Attention Benchmarking, ICML 2023, section 3): {noncausal, causal} x
 * {self, cross}.
 * - `noncausal-self`: queries and keys come from the same sequence; every query may read every key.
 * - `causal-self`: query i is position i + (keys - queries) of the key sequence and reads keys at positions <= its own.
 *   With queries < keys this is a decoding step or a prompt chunk against a KV cache; with queries > keys the first
 *   queries - keys rows may read nothing and give zeros.
 * - `noncausal-cross`: queries and keys come from different sequences; every query may read every key.
 * - `causal-cross`: as noncausal-cross, but output i must not depend on queries after i (CAB: causality over the history of
 *   the queries; the keys are all known beforehand, as in an encoder-decoder).
 */
export type AttentionPattern = 'noncausal-self' | 'causal-self' | 'noncausal-cross' | 'causal-cross';

export const attentionPatterns: readonly AttentionPattern[] = [
  'noncausal-self',
  'causal-self',
  'noncausal-cross',
  'causal-cross',
];

export interface AttentionShape {
  readonly pattern: AttentionPattern;
  readonly batch: number;
  /** Query heads. */
  readonly heads: number;
  /** Key/value heads; divides `heads`. Query head h reads key/value head floor(h / (heads / kvHeads)). */
  readonly kvHeads: number;
  /** Query length n. */
  readonly queries: number;
  /** Key length m; equals `queries` in the self patterns unless a KV cache precedes the queries. */
  readonly keys: number;
  /** Width of a query or key head. */
  readonly headDim: number;
  /** Width of a value head. */
  readonly valueDim: number;
}

export const isCausalSelf = (shape: AttentionShape): boolean => shape.pattern === 'causal-self';

/** Position of query 0 on the axis of the keys (causal-self: the length of the cache before the queries). */
export const queryOffset = (shape: AttentionShape): number => shape.keys - shape.queries;

/** The type of query, key, value and output in the graph. */
export type Precision = 'float32' | 'float16';

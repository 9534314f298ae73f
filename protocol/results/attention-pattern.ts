/** The four patterns of CAB; what each means stands in kernels/shape.ts. */
export type AttentionPattern = 'noncausal-self' | 'causal-self' | 'noncausal-cross' | 'causal-cross';

/** Keys of another sequence than the queries, whose number is then its own. */
export const isCross = (pattern: AttentionPattern): boolean => pattern.endsWith('-cross');

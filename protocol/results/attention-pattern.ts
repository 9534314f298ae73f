/** The four patterns of CAB; what each means stands in kernels/shape.ts. */
export type AttentionPattern = 'noncausal-self' | 'causal-self' | 'noncausal-cross' | 'causal-cross';

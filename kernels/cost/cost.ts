/**
 * What one call costs, as a function of its shape.
 * A multiply-add counts as two floating-point operations; one exponential, division or comparison counts as one.
 */
export interface Cost {
  /** Floating-point operations of the call, also those spent on masked positions that the kernel computes anyway. */
  readonly flops: number;
  /** Bytes read from and written to memory by the operators of the graph, each tensor counted once per operator. */
  readonly bytes: number;
  /** Largest sum of live tensors, in bytes, inputs and output included. */
  readonly peakBytes: number;
}

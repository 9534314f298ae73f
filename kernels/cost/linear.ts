import { isCausalSelf, type AttentionShape } from '../shape';
import { tensorBytes } from './attention';
import type { Cost } from './cost';

/**
 * Linear attention with feature maps of width d and a value column of ones that gathers the denominators (e + 1 columns).
 * Letters as in attention.ts; c is the chunk.
 *
 * Non-causal: flops = b h (3 (n + m) d + 2 (n + m) d (e + 1) + n e): feature maps, sum of k v^T, products with q, division.
 * Causal, T = n / c chunks: the same + intra-chunk products 2 n c (d + e + 1) + n c (mask) + running states T d (e + 1).
 * bytes = inputs and output + feature maps twice + (causal) scores inside chunks 4 b h n c, 4 passes, and states 4 b h T d
 * (e + 1), 4 passes.
 * peak = inputs and output + feature maps and widened values + (causal) two tiles of scores and two sets of states.
 */
export function linearCost(shape: AttentionShape, chunk: number): Cost {
  const { batch, heads, queries: n, keys: m, headDim: d, valueDim } = shape;
  const e = valueDim + 1;
  const per = batch * heads;
  const features = 4 * per * (n + m) * d + 4 * per * m * e;
  const base = per * (3 * (n + m) * d + 2 * (n + m) * d * e + n * valueDim);
  if (!isCausalSelf(shape)) {
    return { flops: base, bytes: tensorBytes(shape) + 2 * features, peakBytes: tensorBytes(shape) + features };
  }
  const seeing = Math.min(n, m);
  const chunks = Math.ceil(seeing / chunk);
  const states = 4 * per * chunks * d * e;
  const scores = 4 * per * chunks * chunk * chunk;
  return {
    flops: base + per * (2 * chunks * chunk * chunk * (d + e) + chunks * chunk * chunk + chunks * d * e),
    bytes: tensorBytes(shape) + 2 * features + 4 * scores + 4 * states,
    peakBytes: tensorBytes(shape) + features + 2 * scores + 2 * states,
  };
}

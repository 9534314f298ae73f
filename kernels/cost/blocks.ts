import { isCausalSelf, type AttentionShape } from '../shape';
import { tensorBytes } from './attention';
import type { Cost } from './cost';

/**
 * Causal linear attention in blocks of B with a decayed state (letters as in attention.ts), T = n / B blocks, `own` states for
 * each query head (with decay) or each key/value head (without).
 * flops: inside n B (2 d + 2 e + 1); own states, their decays and products with queries 4 n d e + n (2 d + e); the states from
 * block to block 2 T d e.
 * bytes: inputs and output, the blocks' copies (q and k scaled, padded), 4 passes over the scores n B, 8 (parallel) or 4 over
 * the states.
 * peak: inputs, output, scaled copies, two sets of scores and three of states (parallel), or one block of each (loop).
 */
export function blockCost(shape: AttentionShape, block: number, form: 'parallel' | 'loop', decayed: boolean): Cost {
  const { batch, heads, kvHeads, headDim: d, valueDim: e } = shape;
  const n = isCausalSelf(shape) ? Math.min(shape.queries, shape.keys) : shape.queries;
  const size = Math.min(block, n);
  const blocks = Math.ceil(n / size);
  const per = batch * heads;
  const stateHeads = batch * (decayed ? heads : kvHeads);
  const before = 2 * stateHeads * (shape.keys - n) * d * e;
  const sums = 2 * stateHeads * blocks * d * e;
  const rows = blocks * size;
  const flops =
    per * rows * (size * (2 * d + 2 * e + 1) + 2 * d * e + (decayed ? d : 0) + e) +
    stateHeads * rows * (2 * d * e + (decayed ? d : 0)) +
    sums +
    before;
  const copies = 4 * (per * rows * (2 * d + e) + stateHeads * rows * (d + e));
  const scores = 4 * per * rows * size;
  const states = 4 * stateHeads * blocks * d * e;
  return {
    flops,
    bytes: tensorBytes(shape) + 2 * copies + 4 * scores + (form === 'parallel' ? 8 : 4) * states,
    peakBytes:
      tensorBytes(shape) + copies + (form === 'parallel' ? 2 * scores + 3 * states : (2 * scores + states) / blocks),
  };
}

/** Q (K^T V) without order: 2 m d e for each key/value head, 2 n d e for each query head; the state twice beside the inputs. */
export function wholeProductCost(shape: AttentionShape): Cost {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const state = batch * kvHeads * headDim * valueDim;
  return {
    flops: 2 * (keys * state + queries * batch * heads * headDim * valueDim),
    bytes: tensorBytes(shape) + 8 * state,
    peakBytes: tensorBytes(shape) + 4 * state,
  };
}

import { readablePairs } from '../../../kernels/cost/attention';
import type { AttentionShape } from '../../../kernels/shape';
import type { Attention } from '../model-description';

/** Which keys the queries of a layer read, counted: what scores and the KV cache cost follows from it. */

export function shapeOf(attention: Attention, queries: number, keys: number): AttentionShape {
  const { heads, kvHeads, headDim, valueDim, causal } = attention;
  const pattern = causal ? 'causal-self' : 'noncausal-self';
  return { pattern, batch: 1, heads, kvHeads, queries, keys, headDim, valueDim };
}

export const attends = ({ kind }: Attention): boolean => kind === 'full' || kind === 'window' || kind === 'chunked';

/** Positions that one head reads for a token with `count` positions in the sequence, its own included. */
export function readPositions(attention: Attention, count: number): number {
  const { window, compressed, indexer } = attention;
  const most = indexer?.topK ?? Infinity;
  if (compressed !== undefined) {
    return Math.min(count, compressed.window) + Math.min(most, Math.floor(count / Math.max(1, compressed.ratio)));
  }
  return Math.min(count, window ?? Infinity, most);
}

/** Keys among which an indexer chooses for a token with `count` positions in the sequence. */
export const indexedPositions = ({ compressed, indexer }: Attention, count: number): number =>
  indexer === undefined ? 0 : compressed === undefined ? count : Math.floor(count / Math.max(1, compressed.ratio));

/** Sum over t = 1 .. length of min(most, t). */
const cappedSum = (length: number, most: number): number =>
  length <= most ? (length * (length + 1)) / 2 : length * most - (most * (most - 1)) / 2;

/** Sum over t = 1 .. length of min(most, floor(t / ratio)). */
function quotientSum(length: number, ratio: number, most: number): number {
  const whole = (to: number): number => {
    const groups = Math.floor(to / ratio);
    return (ratio * groups * (groups - 1)) / 2 + groups * (to - groups * ratio + 1);
  };
  // From t = most x ratio on, the quotient is no longer what limits.
  const free = most * ratio - 1;
  return length <= free ? whole(length) : whole(free) + most * (length - free);
}

/** Pairs of query and key that one head reads in a prompt of `length` positions. */
export function promptPairs(attention: Attention, length: number): number {
  const { kind, window, causal, compressed, indexer } = attention;
  if (!attends(attention)) return 0;
  const most = indexer?.topK ?? Infinity;
  if (compressed !== undefined && causal) {
    return cappedSum(length, compressed.window) + quotientSum(length, Math.max(1, compressed.ratio), most);
  }
  if (indexer !== undefined && causal) return cappedSum(length, Math.min(most, window ?? Infinity));
  const all = readablePairs(shapeOf(attention, length, length));
  if (window === undefined) return all;
  if (!causal && kind === 'window') {
    // Half of the window lies before a position, half after it.
    const half = Math.min(Math.floor(window / 2), length - 1);
    return length * (2 * half + 1) - half * (half + 1);
  }
  if (window >= length) return all;
  if (kind === 'chunked') {
    const whole = Math.floor(length / window);
    const rest = length - whole * window;
    const pairs = (size: number): number => (causal ? (size * (size + 1)) / 2 : size * size);
    return whole * pairs(window) + pairs(rest);
  }
  // Each query reads its window; the first ones find fewer positions before them.
  return cappedSum(length, window);
}

/** Pairs of query and key that an indexer scores in a prompt of `length` positions. */
export const promptIndexPairs = ({ compressed, indexer }: Attention, length: number): number =>
  indexer === undefined ? 0 : quotientSum(length, Math.max(1, compressed?.ratio ?? 1), Infinity);

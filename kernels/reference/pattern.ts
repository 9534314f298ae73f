/** Which pairs the four patterns of attention allow. */
import type { AttentionShape } from '../shape';
import { isCausalSelf, queryOffset } from '../shape';
import type { SoftmaxDefinition } from './softmax';

/**
 * The reading rule of dense attention: causal-self reads keys up to the query's own position, all others read every key
 * (softmax over fixed keys looks at one query at a time, so causal-cross needs no mask).
 */
export function denseReads(shape: AttentionShape): (head: number, query: number, key: number) => boolean {
  if (!isCausalSelf(shape)) return () => true;
  const offset = queryOffset(shape);
  return (_head, query, key) => key <= query + offset;
}

export const denseDefinition = (shape: AttentionShape): SoftmaxDefinition =>
  isCausalSelf(shape) ? { reads: denseReads(shape) } : {};

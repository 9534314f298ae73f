/** Which heads of the Routing Transformer route, how many members a cluster takes, and what its local heads read. */
import { integers } from '../../integers';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';

export interface RoutingParameters extends Record<string, number | string | boolean> {
  readonly clusters: number;
  /** 0: length / clusters. */
  readonly window: number;
  readonly membership: 'balanced' | 'own cluster';
  /** Causal self-attention: the key input is query and key. */
  readonly shared: boolean;
  readonly normalise: boolean;
  readonly uncovered: 'zero' | 'self' | 'local';
  /** Share of the key/value heads that are local, rounded down. */
  readonly localShare: number;
  readonly localBlock: number;
  /** Steps of online k-means before the run. */
  readonly fit: number;
}

/** Members that a cluster takes of `length` positions: by default n / C, so that a position is in one cluster on average. */
export const windowOf = (length: number, { window, clusters }: RoutingParameters): number =>
  Math.min(length, window === 0 ? Math.ceil(length / clusters) : window);

export interface HeadGroups {
  /** Key/value heads, ascending; the local ones come first. */
  readonly local: readonly number[];
  readonly routed: readonly number[];
}

/** Queries and keys of two sequences have no distance: in cross attention all heads route. */
export function headGroups({ pattern, kvHeads }: AttentionShape, { localShare }: RoutingParameters): HeadGroups {
  const local = pattern.endsWith('self') ? Math.floor(localShare * kvHeads) : 0;
  return { local: integers(0, local), routed: integers(local, kvHeads) };
}

/** Query heads that attend locally: those before the first one that routes. */
export const localHeads = (shape: AttentionShape, parameters: RoutingParameters): number =>
  (shape.heads / shape.kvHeads) * headGroups(shape, parameters).local.length;

/** Whether the key input stands for the queries too. */
export const sharesKeys = (shape: AttentionShape, { shared }: RoutingParameters): boolean =>
  shared && isCausalSelf(shape);

/** Whether a position's own, nearest cluster decides what it reads, and not the lists of the centroids. */
export const ownClusterOnly = (shape: AttentionShape, { membership }: RoutingParameters): boolean =>
  isCausalSelf(shape) && membership === 'own cluster';

/** First position that the local query at `position` reads: that of the block before its own. */
export const localStart = (position: number, { localBlock }: RoutingParameters): number =>
  Math.max(0, (Math.floor(position / localBlock) - 1) * localBlock);

/** The own block and the one before up to the query itself; without a direction the block after it as well. */
export function localReads(
  shape: AttentionShape,
  parameters: RoutingParameters,
): (query: number, key: number) => boolean {
  const offset = queryOffset(shape);
  const causal = isCausalSelf(shape);
  const blockOf = (position: number) => Math.floor(position / parameters.localBlock);
  return (query, key) => {
    const position = query + offset;
    if (position < 0 || key < localStart(position, parameters)) return false;
    return causal ? key <= position : blockOf(key) <= blockOf(position) + 1;
  };
}

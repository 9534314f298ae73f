/**
 * Tokens in groups (Funnel-Transformer, arXiv:2006.03236, section 2.2): from a block on, the stream has a row for each group of 2^level
 * tokens. Here it keeps a row for each token, and all tokens of a group have that of the group, so that maps stay over tokens: queries
 * of a group are those of each of its tokens, and a key counts at the first token of its group, which is also its position. The first
 * token of a text is a group of its own. What stands behind the last pair of groups is left out where these are joined: tokens of a group
 * that no longer exists have rows that nobody reads.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Value } from '../../kernels/graph/records';
import { dimOf, range } from '../../kernels/graph/operators/dynamic';
import {
  add,
  cast,
  clip,
  divide,
  floor,
  maximum,
  minimum,
  multiply,
  subtract,
} from '../../kernels/graph/operators/elementwise';
import { reshape } from '../../kernels/graph/operators/layout';
import { matmul } from '../../kernels/graph/operators/matrix';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import type { TokenGroups } from './attention-spec';
import type { ModelSpec } from './model-spec';

/** Rows [b, n, w] of groups one level higher: the mean of the two groups that each of them joins. */
export function joinedRows(graph: GraphBuilder, { from, level }: TokenGroups, x: Value): Value {
  const { places, count, length } = tokensOf(graph, x);
  const column = reshape(rowOf(places, level), [length, 1]);
  const together = subtract(1, differs(reshape(rowOf(places, level), [1, length]), column));
  const within = clip(subtract(subtract(rowsAt(count, from), 1), rowOf(places, from)), 0, 1);
  const read = multiply(together, reshape(multiply(within, isFirst(places, from)), [1, length]));
  return divide(matmul(read, x), maximum(reduceSum(read, [-1]), 1));
}

/** Rows [b, n, w] of groups as those of their tokens: 0 where a token has no group any more. */
export function spreadRows(graph: GraphBuilder, level: number, x: Value): Value {
  if (level === 0) return x;
  const { places, count, length } = tokensOf(graph, x);
  return multiply(x, reshape(exists(places, count, level), [length, 1]));
}

/** What is added to the scores of keys at `positions` [t]: 0 where a key stands for its group, `masked` elsewhere, [1, t]; undefined if all do. */
export function keysUnread(groups: TokenGroups | undefined, positions: Value, masked: number): Value | undefined {
  if (!groups || groups.from === 0) return undefined;
  const places = cast(positions, 'float32');
  const count = cast(dimOf(positions, 0), 'float32');
  const counts = multiply(isFirst(places, groups.from), exists(places, count, groups.from));
  return reshape(multiply(subtract(1, counts), masked), [1, positions.shape[0] ?? 1]);
}

/** Positions of groups, that of their first tokens, where queries and keys are of tokens; 0 for the first token alone. */
export function groupPositions(
  { from, level }: TokenGroups,
  { queries, keys }: { readonly queries: Value; readonly keys: Value },
): { readonly queries: Value; readonly keys: Value } {
  const first = (x: Value, of: number): Value => firstOf(rowOf(cast(x, 'float32'), of), of);
  return { queries: first(queries, level), keys: first(keys, from) };
}

/** 0 where a query or a key is the first token of a text, which has no distance, 1 elsewhere, [n, t]. */
export function betweenOthers({ queries, keys }: { readonly queries: Value; readonly keys: Value }): Value {
  const other = (x: Value): Value => minimum(x, 1);
  return multiply(reshape(other(queries), [queries.shape[0] ?? 1, 1]), reshape(other(keys), [1, keys.shape[0] ?? 1]));
}

/** Tokens that a text needs so that every block joins rows; fewer are not joined by the class, which then reads wrong distances. */
export function fewestTokens({ blocks }: Pick<ModelSpec, 'blocks'>): number {
  const levels = Math.max(0, ...blocks.map(({ attention }) => attention?.groups?.level ?? 0));
  return levels === 0 ? 1 : 2 ** levels + 1;
}

interface Tokens {
  /** 0, 1, … [n]. */
  readonly places: Value;
  /** n, a scalar. */
  readonly count: Value;
  readonly length: Dim;
}

function tokensOf(graph: GraphBuilder, x: Value): Tokens {
  const length = x.shape[1] ?? 'n';
  const count = dimOf(x, 1);
  const places = cast(range(graph.constant('int64', [], [0]), count, length), 'float32');
  return { places, count: cast(count, 'float32'), length };
}

/** Group of each place: 0 is the first token alone. Exact for all places up to 2^24. */
const rowOf = (places: Value, level: number): Value =>
  level === 0 ? places : add(floor(multiply(subtract(places, 1), 2 ** -level)), 1);

/** Place of the first token of each group. */
const firstOf = (rows: Value, level: number): Value =>
  level === 0 ? rows : maximum(add(multiply(subtract(rows, 1), 2 ** level), 1), 0);

/** Number of groups of a text of so many tokens: half of those one level lower, and with an odd number one more. */
function rowsAt(count: Value, level: number): Value {
  let rows = count;
  for (let at = 0; at < level; at++) rows = floor(multiply(add(rows, 1), 0.5));
  return rows;
}

/** 1 where whole numbers differ, else 0. */
function differs(a: Value, b: Value): Value {
  const apart = subtract(a, b);
  return minimum(multiply(apart, apart), 1);
}

const isFirst = (places: Value, level: number): Value =>
  subtract(1, differs(places, firstOf(rowOf(places, level), level)));

const exists = (places: Value, count: Value, level: number): Value =>
  clip(subtract(rowsAt(count, level), rowOf(places, level)), 0, 1);

/**
 * Heads chosen token by token, without weights of their own (MoH, arXiv:2410.11842, the forward pass of its LLaMA3 variant): a token's
 * query has an output from the shared heads and from those `active` of the others whose query is longest at the token; the gain of a
 * head is 1 or 0. Neutral: all heads shared. A layer has this only in a graph of its own.
 */
import {
  add,
  cast,
  equal,
  greater,
  less,
  maximum,
  multiply,
  subtract,
} from '../../../kernels/graph/operators/elementwise';
import { reshape, transpose } from '../../../kernels/graph/operators/layout';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { changeKind, headProblem, never } from './kind';

export interface Routing {
  /** 1 where the head is shared, [b, h]. */
  readonly shared: Value;
  /** Heads that each token has besides, [b]. */
  readonly active: Value;
}

/** Where several name one layer, the last counts. */
export interface RoutingChange extends FixedRouting {
  readonly kind: 'routing';
  readonly layer: number;
}

export const routing = changeKind<RoutingChange>()({
  kind: 'routing',
  parts: ['routing'],
  ofAttention: true,
  rare: true,
  problem({ layer, shared, active }, sizes) {
    const problem = shared.map((head) => headProblem(sizes, head)).find((found) => found !== undefined);
    if (problem !== undefined) return problem;
    const others = sizes.heads - new Set(shared).size;
    return Number.isInteger(active) && active >= 0 && active <= others
      ? undefined
      : `Layer ${layer} has ${others} heads besides the shared ones, and ${active} of them are to be active. Give 0 to ${others}.`;
  },
  declare: (graph, { heads }): Routing => ({
    shared: graph.input('routing_shared', 'float32', ['b', heads]),
    active: graph.input('routing_active', 'float32', ['b']),
  }),
  feeds(changes, { heads }) {
    const b = changes.length;
    const [shared, active] = [new Float32Array(b * heads).fill(1), new Float32Array(b)];
    changes.forEach((list, v) => {
      const own = list.at(-1);
      if (!own) return;
      shared.fill(0, v * heads, (v + 1) * heads);
      for (const head of own.shared) shared[v * heads + head] = 1;
      active[v] = own.active;
    });
    return {
      routing_shared: { data: shared, shape: [b, heads] },
      routing_active: { data: active, shape: [b] },
    };
  },
  steps: never,
});

/** Gains [b, h, n, 1] of queries before rotation, [b, n, h, d]. Rotation leaves the length of a query as it is. */
export function routedGains({ shared, active }: Routing, query: Value): Value {
  const heads = Number(query.shape[2] ?? 1);
  return byHead(gainsOf(squaredNorms(query), reshape(shared, ['b', 1, heads]), reshape(active, ['b', 1, 1])));
}

/** Gains of tokens [b, n, h] as factors of the outputs of heads, [b, h, n, 1]. */
export const byHead = (gains: Value): Value => {
  const [batch = 1, rows = 1, heads = 1] = gains.shape;
  return reshape(transpose(gains, [0, 2, 1]), [batch, heads, rows, 1]);
};

/** Which heads every token has, and how many others, as a checkpoint or a change says. */
export interface FixedRouting {
  /** Query heads that every token has. */
  readonly shared: readonly number[];
  /** How many of the others each token has. */
  readonly active: number;
}

/** Gains [..., h] of queries before rotation, [..., h, d]. */
export function fixedGains({ shared, active }: FixedRouting, query: Value): Value {
  const heads = Number(query.shape.at(-2) ?? 1);
  const always = Array.from({ length: heads }, (_, head) => (shared.includes(head) ? 1 : 0));
  return gainsOf(squaredNorms(query), query.graph.constant('float32', [heads], always), active);
}

const gainsOf = (scores: Value, always: Value, active: Value | number): Value =>
  maximum(topGains(without(scores, always), active), always);

/** [..., h] of queries [..., h, d]: they rank as the lengths do. */
export const squaredNorms = (query: Value): Value => reduceSum(multiply(query, query), [-1], false);

/** Scores (0 and more) with -1 where `always` is 1. */
const without = (scores: Value, always: Value): Value => subtract(multiply(scores, subtract(1, always)), always);

/**
 * 1 for the `count` largest of the last axis of scores [..., h], else 0; of equal ones the first. No gradient goes through the choice.
 * Ranks by comparison, as the count may differ from variant to variant.
 */
function topGains(scores: Value, count: Value | number): Value {
  const lead = scores.shape.slice(0, -1);
  const heads = Number(scores.shape.at(-1) ?? 1);
  const own = reshape(scores, [...lead, heads, 1]);
  const others = reshape(scores, [...lead, 1, heads]);
  const before = scores.graph.constant(
    'float32',
    [heads, heads],
    Array.from({ length: heads * heads }, (_, at) => (at % heads < Math.floor(at / heads) ? 1 : 0)),
  );
  const larger = cast(greater(others, own), 'float32');
  const tied = multiply(cast(equal(others, own), 'float32'), before);
  const rank = reduceSum(add(larger, tied), [-1], false);
  return cast(less(rank, count), 'float32');
}

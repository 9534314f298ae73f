/**
 * The router of a layer: an expert that tokens are made to take, one that they may not take, or a number added to what the router gives
 * one. With z [E] the products of the router and c [E] what its k experts are chosen by (scores, learned biases, the rule of groups):
 * - `bias`: z_e + number, before softmax or sigmoid, so that choice and weight follow;
 * - `forbid`: z_e and c_e are less than any other, so that the router works as if it had one expert less;
 * - `force`: c_e is more than any other, so that e is among the k; its weight is what its own score gives, by the rules of the router.
 * Neutral: -0 everywhere, which leaves every float as it is. A layer has this in a graph of its own. Which experts are chosen has no
 * gradient, with these or without; that of the weights is exact.
 */
import { add } from '../../../kernels/graph/operators/elementwise';
import type { Value } from '../../../kernels/graph/records';
import { always, changeKind } from './kind';
import type { LayerSizes } from './sizes';

/** Of `force` and `forbid` on one expert the last counts; biases add up. */
export type ExpertChange = {
  readonly kind: 'expert';
  readonly layer: number;
  readonly expert: number;
  /** Token positions; absent: all, those behind the prompt included. */
  readonly positions?: readonly number[];
} & ({ readonly act: 'force' | 'forbid' } | { readonly act: 'bias'; readonly bias: number });

export interface RouterInputs {
  /** Added to the products of the router, [b, r, E], r rows: one for all positions, or one for each. */
  readonly products: Value;
  /** Added to what experts are chosen by, [b, r, E]. */
  readonly choice: Value;
}

/** Beyond what a finite router gives, and what an expert outside of its best groups is lowered to. */
const [beyond, farBeyond] = [1e30, 2e30];

export const expert = changeKind<ExpertChange>()({
  kind: 'expert',
  parts: ['expert'],
  rare: true,
  problem(change, { index, experts }) {
    if (!experts) return `Layer ${index} has no routed experts.`;
    if (change.expert >= experts.count)
      return `There is no expert ${change.expert} in layer ${index}: it has ${experts.count}, from 0.`;
    if (change.act === 'force' && experts.mixed)
      return `The router of layer ${index} is a SparseMixer, which gives an expert far from the best no weight. Bias its score instead.`;
    return change.act !== 'bias' || Number.isFinite(change.bias)
      ? undefined
      : `The bias of expert ${change.expert} of layer ${index} is ${change.bias}; give a finite number.`;
  },
  together(changes, { index, experts }) {
    if (!experts) return undefined;
    const { count, perToken } = experts;
    const places = [undefined, ...new Set(changes.flatMap(({ positions }) => positions ?? []))];
    const most = (act: ExpertChange['act']): number =>
      Math.max(...places.map((place) => [...actsAt(changes, place).values()].filter((one) => one === act).length));
    const [forced, forbidden] = [most('force'), most('forbid')];
    if (forced > perToken)
      return `Layer ${index} gives each token ${perToken} ${perToken === 1 ? 'expert' : 'experts'}, and ${forced} are forced. Force fewer.`;
    return forbidden > count - perToken
      ? `Layer ${index} has ${count} experts, of which each token has ${perToken}, and ${forbidden} are forbidden. Forbid at most ${count - perToken}.`
      : undefined;
  },
  /** One row for all positions, or one for each: the run decides. */
  declare(graph, { experts }): RouterInputs | undefined {
    if (!experts) return undefined;
    const input = (name: string): Value => graph.input(name, 'float32', ['b', 'routed', experts.count]);
    return { products: input('router_bias'), choice: input('router_choice') };
  },
  feeds(changes, sizes, { start, length }) {
    if (!sizes.experts) return {};
    const rows = changes.flat().some(({ positions }) => positions) ? length : 1;
    const { products, choice } = offsets(changes, sizes, start, rows);
    const shape = [changes.length, rows, sizes.experts.count];
    return { router_bias: { data: products, shape }, router_choice: { data: choice, shape } };
  },
  steps: always,
  stepFeeds(changes, sizes, row) {
    if (!sizes.experts || changes.length === 0) return {};
    const { products, choice } = offsets([changes], sizes, row, 1);
    const shape = [1, sizes.experts.count];
    return { router_bias: { data: products, shape }, router_choice: { data: choice, shape } };
  },
  stepGraph: {},
  firstRow: ({ positions }) => (positions ? Math.min(...positions) : 0),
});

const actsOn = ({ positions }: ExpertChange, row: number | undefined): boolean =>
  positions === undefined || (row !== undefined && positions.includes(row));

/** What happens to experts at a row, or at one that no change names; the last of several on one expert. */
const actsAt = (changes: readonly ExpertChange[], row: number | undefined): ReadonlyMap<number, 'force' | 'forbid'> =>
  new Map(
    changes.flatMap((change) =>
      change.act !== 'bias' && actsOn(change, row) ? [[change.expert, change.act] as const] : [],
    ),
  );

/** What is added at the rows from `start` on, [b, rows, E]. */
function offsets(
  changes: readonly (readonly ExpertChange[])[],
  { experts }: LayerSizes,
  start: number,
  rows: number,
): { readonly products: Float32Array; readonly choice: Float32Array } {
  const count = experts?.count ?? 0;
  const products = new Float32Array(changes.length * rows * count).fill(-0);
  const choice = products.slice();
  changes.forEach((own, v) => {
    for (let row = 0; row < rows; row++) {
      const first = (v * rows + row) * count;
      for (const change of own) {
        const at = first + change.expert;
        if (change.act === 'bias' && actsOn(change, start + row)) products[at] = (products[at] ?? 0) + change.bias;
      }
      for (const [which, act] of actsAt(own, start + row)) {
        if (act === 'forbid') products[first + which] = -beyond;
        choice[first + which] = act === 'force' ? beyond : -farBeyond;
      }
    }
  });
  return { products, choice };
}

/** Products, or what experts are chosen by, [..., n, E], with what is added. */
export const offset = (by: Value, value: Value): Value => add(value, { ...by, shape: value.shape });

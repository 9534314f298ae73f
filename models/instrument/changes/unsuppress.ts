/**
 * Removed suppression: at each position the MLP output m [w] becomes m - share * min(0, m · u) u, with a direction u of length 1
 * that comes in (compute-server/model/run/changes/leading-directions.ts). Neutral: not in use; rows whose u is 0 stay as they are.
 */
import { borrow, conditionalOrAlways } from '../../../kernels/graph/operators/conditional';
import { minimum, multiply, subtract } from '../../../kernels/graph/operators/elementwise';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { flag } from './fed-rows';
import { changeKind, never } from './kind';

/** Where several name one layer, the last counts. */
export interface UnsuppressChange {
  readonly kind: 'unsuppress';
  readonly layer: number;
  readonly share: number;
}

export interface Suppression {
  /** Absent: always. */
  readonly inUse?: Value | undefined;
  /** u, [b, n, w]; without rows where it is not in use. */
  readonly direction: Value;
  /** [b, 1, 1] */
  readonly share: Value;
}

export const unsuppress = changeKind<UnsuppressChange>()({
  kind: 'unsuppress',
  parts: ['unsuppress'],
  partsOf: ({ share }) => (share === 0 ? [] : ['unsuppress']),
  problem({ layer }, { noLens, normedSum }) {
    if (noLens !== undefined) return `Which token leads before layer ${layer} cannot be read. ${noLens}`;
    return normedSum
      ? `Layer ${layer} has a norm behind the sum with its MLP, so its output is no part of the stream. Choose a model without it.`
      : undefined;
  },
  declare: (graph, { hiddenSize, networkWidth = hiddenSize }, { always }): Suppression => ({
    ...(always ? {} : { inUse: graph.input('use_suppression', 'bool', []) }),
    direction: graph.input('suppression_direction', 'float32', ['b', always ? 'n' : 'r', networkWidth]),
    share: graph.input('suppression_share', 'float32', ['b', 1, 1]),
  }),
  feeds: (changes, { hiddenSize, networkWidth = hiddenSize }, { directions, length }, { always }) => ({
    ...(always ? {} : { use_suppression: flag(directions !== undefined) }),
    suppression_direction: {
      data: directions ?? new Float32Array(0),
      shape: [changes.length, directions ? length : 0, networkWidth],
    },
    suppression_share: { data: Float32Array.from(sharesOf(changes)), shape: [changes.length, 1, 1] },
  }),
  // What leads is read from the stream of each row.
  steps: never,
});

/** The share that each variant removes in a layer. */
export const sharesOf = (changes: readonly (readonly UnsuppressChange[])[]): readonly number[] =>
  changes.map((own) => own.at(-1)?.share ?? 0);

/** The MLP output [b, n, w] less the share of what it writes against the direction. */
export function withoutSuppression({ inUse, direction, share }: Suppression, computed: Value): Value {
  const [output] = conditionalOrAlways(
    computed.graph,
    inUse,
    (branch) => {
      const m = borrow(branch, computed);
      const u = { ...borrow(branch, direction), shape: computed.shape };
      const against = minimum(reduceSum(multiply(m, u), [-1]), 0);
      return [subtract(m, multiply(multiply(against, borrow(branch, share)), u))];
    },
    (branch) => [borrow(branch, computed)],
  );
  if (!output) throw new Error('unreachable: the conditional gives one value');
  return output;
}

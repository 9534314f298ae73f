/**
 * Head outputs mixed with those of another run: share · given + (1 - share) · own, after gain and replacement. Neutral: share 0. A
 * layer has this only in a graph of its own. DuoAttention trains the shares (arXiv:2410.10819, section 3).
 */
import { add, multiply, subtract } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';
import { changeKind, headProblem, never } from './kind';

export interface MixtureInputs {
  /** [b, h] */
  readonly share: Value;
  /** [b, h, n, d] */
  readonly given: Value;
}

/** Where several name one layer, the last counts. */
export interface MixtureChange {
  readonly kind: 'mixture';
  readonly layer: number;
  /** By query head, 0 to 1. */
  readonly shares: readonly number[];
  /** Outputs of the other run, for each row of the prompt: [h, rows, d]. */
  readonly outputs: Float32Array;
}

export const mixture = changeKind<MixtureChange>()({
  kind: 'mixture',
  parts: ['mixture'],
  rare: true,
  problem: ({ shares }, sizes) => headProblem(sizes, shares.length - 1),
  declare: (graph, { heads, headDim }): MixtureInputs => ({
    share: graph.input('mixture_share', 'float32', ['b', heads]),
    given: graph.input('mixture_given', 'float32', ['b', heads, 'n', headDim]),
  }),
  feeds(changes, { heads, headDim }, { start, length }) {
    const b = changes.length;
    const share = new Float32Array(b * heads);
    const given = new Float32Array(b * heads * length * headDim);
    changes.forEach((list, v) => {
      const own = list.at(-1);
      if (!own) return;
      share.set(own.shares, v * heads);
      const rows = own.outputs.length / (heads * headDim);
      if (start + length > rows)
        throw new RangeError(`outputs of ${rows} rows are mixed into row ${start + length - 1}`);
      for (let head = 0; head < heads; head++) {
        const from = (head * rows + start) * headDim;
        given.set(own.outputs.subarray(from, from + length * headDim), (v * heads + head) * length * headDim);
      }
    });
    return {
      mixture_share: { data: share, shape: [b, heads] },
      mixture_given: { data: given, shape: [b, heads, length, headDim] },
    };
  },
  steps: never,
});

export function mixed({ share, given }: MixtureInputs, own: Value, name: string): Value {
  const of = reshape(share, ['b', share.shape[1] ?? 1, 1, 1]);
  return add(multiply(of, given), multiply(subtract(1, of), own), name);
}

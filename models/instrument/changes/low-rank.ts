/**
 * Keys and values of low rank: both are projected from V V^T x instead of x, V [w, r] with columns of length 1 at right angles.
 * Neutral: the identity. A layer has this only in a graph of its own: fused projections are then computed twice.
 */
import { fusedMatmul, matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import { changeKind, never } from './kind';

/** Where several name one layer, the last counts. */
export interface LowRankChange {
  readonly kind: 'low-rank';
  readonly layer: number;
  readonly rank: number;
  /** V [hidden size, rank], columns of length 1 at right angles. */
  readonly basis: Float32Array;
}

export const lowRank = changeKind<LowRankChange>()({
  kind: 'low-rank',
  parts: ['low-rank'],
  ofAttention: true,
  rare: true,
  problem: ({ layer, rank, basis }, { hiddenSize }) =>
    basis.length === rank * hiddenSize
      ? undefined
      : `The basis of layer ${layer} has ${basis.length} numbers, not ${rank} for each of ${hiddenSize}.`,
  declare: (graph, { hiddenSize }) => graph.input('key_value_basis', 'float32', ['b', hiddenSize, 'rank']),
  /** Variants of full rank beside others have the identity, which is exact. */
  feeds(changes, { hiddenSize }) {
    const last = changes.map((own) => own.at(-1));
    const columns = Math.max(...last.map((change) => change?.rank ?? hiddenSize));
    const data = new Float32Array(changes.length * hiddenSize * columns);
    last.forEach((change, v) => {
      for (let row = 0; row < hiddenSize; row++) {
        const at = (v * hiddenSize + row) * columns;
        if (change) data.set(change.basis.subarray(row * change.rank, (row + 1) * change.rank), at);
        else data[at + row] = 1;
      }
    });
    return { key_value_basis: { data, shape: [changes.length, hiddenSize, columns] } };
  },
  steps: never,
  ofKeys: ['low-rank'],
});

/** x [b, n, w] to V V^T x. */
export const ofLowRank = (basis: Value, x: Value): Value => fusedMatmul(matmul(x, basis), basis, { transposeB: true });

/**
 * A vector added to the residual stream that leaves the layer (steering): h becomes h + v. Neutral: v = -0, which leaves every float as it
 * is, 0 and -0 too. It acts before a replacement of the stream, so that what is replaced is what came in. Its gradient is that of a
 * sum: it passes on what comes.
 */
import { add } from '../../../kernels/graph/operators/elementwise';
import type { Value } from '../../../kernels/graph/records';
import { always, changeKind } from './kind';

/** Several of one layer add up. */
export interface AdditionChange {
  readonly kind: 'addition';
  readonly layer: number;
  /** [hidden size], times its strength. */
  readonly vector: Float32Array;
  /** Token positions; absent: all, those behind the prompt included. */
  readonly positions?: readonly number[];
}

export const addition = changeKind<AdditionChange>()({
  kind: 'addition',
  parts: ['addition'],
  // An addition of neutral values made every instrumented run about a tenth slower (2026-12-01): only steered runs pay for it.
  rare: true,
  problem: ({ layer, vector }, { hiddenSize }) =>
    vector.length === hiddenSize
      ? undefined
      : `The vector for layer ${layer} has ${vector.length} numbers, and the residual stream ${hiddenSize}.`,
  /** One row for all positions, or one for each: the run decides. */
  declare: (graph, { hiddenSize }) => graph.input('residual_addition', 'float32', ['b', 'added', hiddenSize]),
  feeds(changes, { hiddenSize }, { start, length }) {
    // Vectors for all positions are one row.
    const rows = changes.flat().some(({ positions }) => positions) ? length : 1;
    const data = new Float32Array(changes.length * rows * hiddenSize).fill(-0);
    changes.forEach((own, v) => {
      for (let row = 0; row < rows; row++) addVectors(data, (v * rows + row) * hiddenSize, own, start + row);
    });
    return { residual_addition: { data, shape: [changes.length, rows, hiddenSize] } };
  },
  steps: always,
  // What leaves a step graph lies on the host, and a float32 sum is the same there as in a graph.
  stepStream: (changes, stream, row) => addVectors(stream, 0, changes, row),
  firstRow: ({ positions }) => (positions ? Math.min(...positions) : 0),
});

/** Adds the vectors of a row to its stream, which begins at `at`. */
function addVectors(data: Float32Array, at: number, changes: readonly AdditionChange[], row: number): void {
  for (const { vector, positions } of changes) {
    if (positions && !positions.includes(row)) continue;
    vector.forEach((value, column) => (data[at + column] = (data[at + column] ?? 0) + value));
  }
}

/** What the changes of a layer add to one row of its stream together, [width]; undefined where they add nothing there. */
export function addedTo(changes: readonly AdditionChange[], row: number, width: number): Float32Array | undefined {
  const here = changes.filter(({ positions }) => positions?.includes(row) ?? true);
  if (here.length === 0) return undefined;
  const vector = new Float32Array(width);
  addVectors(vector, 0, here, row);
  return vector;
}

export const withAddition = (added: Value | undefined, stream: Value): Value =>
  added ? add(stream, { ...added, shape: stream.shape }) : stream;

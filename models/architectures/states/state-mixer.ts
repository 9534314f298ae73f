/**
 * What the file of each kind of recurrence gives to a block: the states that it keeps, and the nodes of a graph.
 *
 * A chunk of a text takes the states that the chunk before it left, and the first one zeros, so that chunks, or positions one by
 * one, give what the whole text gives. The size of a state does not depend on the length of the text.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import type { Value } from '../../../kernels/graph/records';
import type { StateSpec } from '../state-spec';
import type { StoredWeights } from '../stored-weights';

export interface StateInput {
  readonly graph: GraphBuilder;
  readonly weights: StoredWeights;
  /** What the block's input norm gives, [b, n, w]; n may be 1, or a name. */
  readonly x: Value;
  /** By the names of `shapes`, [b, ...shape]. */
  readonly past: Readonly<Record<string, Value>>;
  /**
   * Where the effective attention is asked for: what the recurrence made of the identity so far, [b, ...readsShape, past], which is
   * empty (past = 0) for the first chunk.
   */
  readonly reads?: Value | undefined;
}

interface StateOutput {
  /** What the output projection reads, behind norms and gates of heads, [b, n, h, d]. */
  readonly heads: Value;
  /** The states behind the last position, as `past`. */
  readonly states: Readonly<Record<string, Value>>;
  /** With `reads`. */
  readonly effective?: {
    /**
     * [b, h, n, past + n]: what the recurrence multiplies the value of each position with, so that its product with the values is what
     * the recurrence gives, before norms and gates. Signed, exact, 0 above the diagonal.
     */
    readonly matrix: Value;
    /** [b, ...readsShape, past + n] for the next chunk. */
    readonly reads: Value;
  };
}

export interface StateMixer<S = StateSpec> {
  /** States of one text by name, without the batch: `convolution` [channels, size - 1], `recurrence` [h, k, d], … */
  shapes(spec: S): Readonly<Record<string, readonly number[]>>;
  /**
   * Shape of what the recurrence makes of the identity, without batch and keys: [h, k] where values are one position each. Absent: the
   * kind has no effective attention.
   */
  readsShape?(spec: S): readonly number[];
  /** How many positions share one kept state on the way back; Infinity if only the state in front of a chunk is kept. */
  readonly positionsOfState: number;
  compute(spec: S, input: StateInput): StateOutput;
}

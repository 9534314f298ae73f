/**
 * How far a graph's output may be from its float64 reference: what rounding explains, for each row of the output.
 *
 * A graph is right when its output is nearly the exact answer for nearly the given inputs (N. Higham, Accuracy and Stability of
 * Numerical Algorithms, 2nd edition, section 1.5: a numerically stable method). Both `nearly` are the relative error e of
 * `relativeRounding`. What inputs moved by e do to the answer is measured, not derived: the reference runs on inputs moved at
 * random (`perturbed`), as in small-sample condition estimation (C. Kenney, A. Laub, SIAM J. Sci. Comput. 15, 1994), each
 * probe over all numbers of a row. The bound of a row (one query of one head) is
 *
 *   e max |y|  +  max |f(moved inputs) - y|  +  what numbers near zero lose,
 *
 * y the row of the reference, maxima over its numbers and the probes. The reference reads the very numbers that the graph
 * reads, rounded to its format. Measured (onnxruntime 1.30 cpu on x64, 2026-11): errors reach 1/20 to 1/2 of the bound, in
 * float32 and in float16.
 *
 * Where the numbers decide what is read, a rounding may turn a near tie, and a row is then quite another. A row that misses
 * its bound is tried on more probes, in pairs of opposite moves: where moves of e turn the tie as well, the bound of this row
 * grows to what that changes; a row without a near tie keeps its bound.
 */
import type { Mechanism, ParameterValues } from './mechanism';
import type { AttentionShape, Precision } from './shape';
import { perturbed } from './perturbed';
import { Probed, type Bounded, type Comparison } from './tensors/probed';
import { absoluteRounding, relativeRounding, type Arithmetic } from './tensors/rounding';
import { largest, type Tensor } from './tensors/tensor';
import type { AttentionInputs } from './tensors/tensor';

/** The definition of what is compared: some rows, or all, of a mechanism's output for given inputs. */
export interface Definition {
  readonly of: (inputs: AttentionInputs) => Tensor;
  /** The numbers decide what is read. */
  readonly chooses: boolean;
  readonly amplification: number;
  readonly leastDivisor: number;
}

export const definitionOf = (
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  of: Definition['of'] = (given) => mechanism.reference(given, shape, parameters),
): Definition => ({
  of,
  chooses: mechanism.chosen !== undefined,
  amplification: mechanism.amplification?.(inputs, shape, parameters) ?? 1,
  leastDivisor: mechanism.leastDivisor ?? 1,
});

const probedOf = (
  definition: Definition,
  inputs: AttentionInputs,
  shape: AttentionShape,
  arithmetic: Arithmetic,
): Probed =>
  new Probed({
    expected: definition.of(inputs),
    moved: (by, seed) => definition.of(perturbed(inputs, by, seed)),
    by: relativeRounding(shape, arithmetic, definition.amplification),
    floor: absoluteRounding(shape, arithmetic, largest(inputs.value), definition.leastDivisor),
    chooses: definition.chooses,
  });

/**
 * An output against its definition: the proof before a time, and the law on every mechanism. Bounds only grow with probes:
 * `sparing` makes no more of them than the output needs, to the same verdict by a smaller tolerance.
 */
export const compareWithDefinition = (
  actual: Tensor,
  definition: Definition,
  inputs: AttentionInputs,
  shape: AttentionShape,
  arithmetic: Arithmetic,
  sparing = false,
): Comparison => probedOf(definition, inputs, shape, arithmetic).compareWith(actual, sparing);

/** The reference with the bounds that a row has at most: all probes of near ties shown to all rows. */
export const widestBounds = (
  definition: Definition,
  inputs: AttentionInputs,
  shape: AttentionShape,
  arithmetic: Arithmetic,
): Bounded => probedOf(definition, inputs, shape, arithmetic).widen();

/** The largest bound of a row: for comparisons with something else than the mechanism's own definition. */
export function allowedError(
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  stored: Precision,
  summed: Precision = 'float32',
): number {
  const definition = definitionOf(mechanism, inputs, shape, parameters);
  const { bounds } = probedOf(definition, inputs, shape, { stored, summed }).probeAll();
  return bounds.reduce((most, bound) => Math.max(most, bound), 0);
}

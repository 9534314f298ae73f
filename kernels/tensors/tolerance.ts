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
import type { AttentionInputs, Mechanism, ParameterValues } from '../mechanism';
import type { AttentionShape, Precision } from '../shape';
import { perturbed } from './perturbed';
import { absoluteRounding, relativeRounding, type Arithmetic } from './rounding';
import { largest, type Tensor } from './tensor';

/** Runs on moved inputs for every bound, and pairs of them more for a row that misses it where numbers choose. */
const probes = 2;
const furtherPairs = 8;

/** How often a comparison runs the definition, where no row misses its bound. */
export const references = 1 + probes;

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

export interface Bounded {
  readonly expected: Tensor;
  /** One for each row (last axis) of `expected`. */
  readonly bounds: Float64Array;
}

/** The reference and what its probes have shown so far, for each of its rows. */
class Probed implements Bounded {
  readonly expected: Tensor;
  readonly bounds: Float64Array;
  private readonly by: number;
  private readonly moved: Float64Array;
  private readonly unmoved: Float64Array;
  private made = 0;

  constructor(
    private readonly definition: Definition,
    private readonly inputs: AttentionInputs,
    shape: AttentionShape,
    arithmetic: Arithmetic,
  ) {
    this.expected = definition.of(inputs);
    this.by = relativeRounding(shape, arithmetic, definition.amplification);
    const floor = absoluteRounding(shape, arithmetic, largest(inputs.value), definition.leastDivisor);
    const rows = this.expected.shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
    this.moved = new Float64Array(rows);
    this.unmoved = this.moved.map((_, row) => this.by * largestOfRow(this.expected, row) + floor);
    this.bounds = Float64Array.from(this.unmoved);
  }

  /** The next of the moves that every bound is made of; false when there is none left. */
  probeNext(): boolean {
    if (this.made === probes) return false;
    this.probe(this.made++, this.by);
    return true;
  }

  probeAll(): this {
    while (this.probeNext());
    return this;
  }

  /** A pair of opposite moves; `rows` alone take what it shows. */
  probePair(pair: number, rows: readonly number[]): void {
    for (const by of [this.by, -this.by]) this.probe(probes + pair, by, rows);
  }

  private probe(seed: number, by: number, rows?: readonly number[]): void {
    const { moved, unmoved, bounds, expected } = this;
    const output = this.definition.of(perturbed(this.inputs, by, seed));
    const take = (row: number): void => {
      moved[row] = Math.max(moved[row]!, distanceOfRow(output, expected, row));
      bounds[row] = unmoved[row]! + moved[row];
    };
    if (rows) rows.forEach(take);
    else for (let row = 0; row < moved.length; row++) take(row);
  }
}

export interface Comparison {
  readonly ok: boolean;
  /** Positions where exactly one of the two is NaN: any such position is a failure. */
  readonly nanMismatches: number;
  /** In the row that comes nearest to its bound, or misses it most: the largest |actual - expected|, and the bound. */
  readonly maxError: number;
  readonly tolerance: number;
  /** Rows that miss their bound. */
  readonly missed: readonly number[];
}

/** An output against its reference and bounds as they are. */
export function compare(actual: Tensor, { expected, bounds }: Bounded): Comparison {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new RangeError(`shape [${actual.shape.join(', ')}] is compared with [${expected.shape.join(', ')}]`);
  }
  const width = expected.shape.at(-1) ?? 1;
  let [nanMismatches, most, maxError, tolerance] = [0, -1, 0, 0];
  const missed: number[] = [];
  bounds.forEach((bound, row) => {
    let error = 0;
    for (let at = row * width; at < (row + 1) * width; at++) {
      const [a, e] = [actual.data[at]!, expected.data[at]!];
      if (Number.isNaN(a) || Number.isNaN(e)) {
        if (Number.isNaN(a) !== Number.isNaN(e)) nanMismatches++;
      } else if (a !== e) error = Math.max(error, Math.abs(a - e));
    }
    if (!(error <= bound)) missed.push(row);
    const share = error / bound;
    if (share > most || (share === most && bound > tolerance)) [most, maxError, tolerance] = [share, error, bound];
  });
  return { ok: nanMismatches === 0 && missed.length === 0, nanMismatches, maxError, tolerance, missed };
}

/**
 * An output against its definition: the proof before a time, and the law on every mechanism. Bounds only grow with probes:
 * `sparing` makes no more of them than the output needs, to the same verdict by a smaller tolerance.
 */
export function compareWithDefinition(
  actual: Tensor,
  definition: Definition,
  inputs: AttentionInputs,
  shape: AttentionShape,
  arithmetic: Arithmetic,
  sparing = false,
): Comparison {
  const probed = new Probed(definition, inputs, shape, arithmetic);
  while (!(sparing && compare(actual, probed).ok) && probed.probeNext());
  let comparison = compare(actual, probed);
  if (!definition.chooses) return comparison;
  for (let pair = 0; pair < furtherPairs && comparison.missed.length > 0; pair++) {
    probed.probePair(pair, comparison.missed);
    comparison = compare(actual, probed);
  }
  return comparison;
}

/** The reference with the bounds that a row has at most: all probes of near ties shown to all rows. */
export function widestBounds(
  definition: Definition,
  inputs: AttentionInputs,
  shape: AttentionShape,
  arithmetic: Arithmetic,
): Bounded {
  const probed = new Probed(definition, inputs, shape, arithmetic).probeAll();
  const rows = Array.from(probed.bounds.keys());
  for (let pair = 0; definition.chooses && pair < furtherPairs; pair++) probed.probePair(pair, rows);
  return probed;
}

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
  const { bounds } = new Probed(definition, inputs, shape, { stored, summed }).probeAll();
  return bounds.reduce((most, bound) => Math.max(most, bound), 0);
}

function largestOfRow({ data, shape }: Tensor, row: number): number {
  const width = shape.at(-1) ?? 1;
  let most = 0;
  for (let at = row * width; at < (row + 1) * width; at++) {
    const size = Math.abs(data[at]!);
    if (size > most) most = size;
  }
  return most;
}

/** Largest |x - from| of a row; a NaN is passed over. */
function distanceOfRow(x: Tensor, from: Tensor, row: number): number {
  const width = from.shape.at(-1) ?? 1;
  let most = 0;
  for (let at = row * width; at < (row + 1) * width; at++) {
    const distance = Math.abs(x.data[at]! - from.data[at]!);
    if (distance > most) most = distance;
  }
  return most;
}

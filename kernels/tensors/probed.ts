/** Bounds of an output's rows by a definition that is run on moved inputs; the reasons are in tolerance.ts. */
import type { Tensor } from './tensor';

/** Runs on moved inputs for every bound, and pairs of them more for a row that misses it where numbers choose. */
const probes = 2;
const furtherPairs = 8;

/** How often a comparison runs the definition, where no row misses its bound. */
export const references = 1 + probes;

export interface Bounded {
  readonly expected: Tensor;
  /** One for each row (last axis) of `expected`. */
  readonly bounds: Float64Array;
}

/** What is compared, and how far rounding moves it. */
export interface Probing {
  readonly expected: Tensor;
  /** The same of inputs moved by the relative amount `by`. */
  readonly moved: (by: number, seed: number) => Tensor;
  /** The relative error that rounding explains. */
  readonly by: number;
  /** What a number of any size may lose. */
  readonly floor: number;
  /** The numbers decide what is read. */
  readonly chooses: boolean;
}

/** The reference and what its probes have shown so far, for each of its rows. */
export class Probed implements Bounded {
  readonly expected: Tensor;
  readonly bounds: Float64Array;
  private readonly most: Float64Array;
  private readonly unmoved: Float64Array;
  private made = 0;

  constructor(private readonly probing: Probing) {
    const { expected, by, floor } = probing;
    this.expected = expected;
    const rows = expected.shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
    this.most = new Float64Array(rows);
    this.unmoved = this.most.map((_, row) => by * largestOfRow(expected, row) + floor);
    this.bounds = Float64Array.from(this.unmoved);
  }

  /** The next of the moves that every bound is made of; false when there is none left. */
  probeNext(): boolean {
    if (this.made === probes) return false;
    this.probe(this.made++, this.probing.by);
    return true;
  }

  probeAll(): this {
    while (this.probeNext());
    return this;
  }

  /** A pair of opposite moves; `rows` alone take what it shows. */
  private probePair(pair: number, rows: readonly number[]): void {
    const { by } = this.probing;
    for (const each of [by, -by]) this.probe(probes + pair, each, rows);
  }

  private probe(seed: number, by: number, rows?: readonly number[]): void {
    const { most, unmoved, bounds, expected } = this;
    const output = this.probing.moved(by, seed);
    const take = (row: number): void => {
      most[row] = Math.max(most[row]!, distanceOfRow(output, expected, row));
      bounds[row] = unmoved[row]! + most[row];
    };
    if (rows) rows.forEach(take);
    else for (let row = 0; row < most.length; row++) take(row);
  }

  /** An output against these bounds, with as many probes as there are, or as few as show it within them (`sparing`). */
  compareWith(actual: Tensor, sparing: boolean): Comparison {
    while (!(sparing && compare(actual, this).ok) && this.probeNext());
    let comparison = compare(actual, this);
    if (!this.probing.chooses) return comparison;
    for (let pair = 0; pair < furtherPairs && comparison.missed.length > 0; pair++) {
      this.probePair(pair, comparison.missed);
      comparison = compare(actual, this);
    }
    return comparison;
  }

  /** All probes of near ties shown to all rows. */
  widen(): this {
    this.probeAll();
    const rows = Array.from(this.bounds.keys());
    for (let pair = 0; this.probing.chooses && pair < furtherPairs; pair++) this.probePair(pair, rows);
    return this;
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

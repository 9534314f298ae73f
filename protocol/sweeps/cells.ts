/** The cells of a sweep by their number. A cell is made only when it is asked for. */
import type { Checked } from '../schema/check';
import { mostCells, type CellSettings, type SweepFile, type SweepValue } from './sweep-file';

export interface Cell {
  /** From 0, over all combinations, including excluded ones. */
  readonly number: number;
  /** The settings in which it differs from other cells: values of the matrix or of its entry in `cells`, and its seed. */
  readonly own: CellSettings;
  /** All of its settings. */
  readonly settings: CellSettings;
}

interface Axis {
  readonly name: string;
  readonly values: readonly SweepValue[];
}

const inDigits = (count: number): string => count.toLocaleString('en');

export class Cells {
  /** Names of settings in which cells differ, in the order of the file. */
  readonly axes: readonly string[];

  private constructor(
    private readonly shared: CellSettings,
    private readonly matrix: readonly Axis[],
    /** Combinations of the matrix. */
    private readonly combinations: number,
    private readonly listed: readonly CellSettings[],
    /** Absent: the seed is a setting as the others. */
    private readonly seeds: readonly number[] | undefined,
    private readonly excluded: readonly (readonly (readonly [string, string])[])[],
  ) {
    const names = [...matrix.map(({ name }) => name), ...listed.flatMap((cell) => Object.keys(cell))];
    this.axes = [...new Set([...names, ...(seeds ? ['seed'] : [])])];
  }

  /** Refused with a sentence. */
  static of(sweep: SweepFile): Checked<Cells> {
    const matrix = Object.entries(sweep.matrix ?? {}).map(([name, values]) => ({ name, values }));
    const listed = sweep.cells ?? [];
    const combinations = matrix.length > 0 ? matrix.reduce((product, { values }) => product * values.length, 1) : 0;
    const count = typeof sweep.seeds === 'number' ? sweep.seeds : (sweep.seeds?.length ?? 1);
    const without = combinations + listed.length;
    const all = (without === 0 ? 1 : without) * count;
    if (all > mostCells) {
      const longest = [...matrix].sort((one, other) => other.values.length - one.values.length).slice(0, 3);
      const names = longest.map(({ name, values }) => `${name}: ${inDigits(values.length)} values`).join(', ');
      const where = names === '' ? '' : ` (${names})`;
      const why = `The sweep has ${inDigits(all)} cells, but at most ${inDigits(mostCells)} are allowed. Remove values${where}, or split it into several sweeps.`;
      return { ok: false, why };
    }
    const hasSeed = (cell: object): boolean => 'seed' in cell;
    if (sweep.seeds !== undefined && [sweep.matrix ?? {}, sweep.settings ?? {}, ...listed].some(hasSeed)) {
      return { ok: false, why: 'The seed is given twice, as seeds and as a setting. Remove one of them.' };
    }
    const seeds = typeof sweep.seeds === 'number' ? Array.from({ length: sweep.seeds }, (_, at) => at) : sweep.seeds;
    const excluded = (sweep.exclude ?? []).map((entry) =>
      Object.entries(entry).map(([name, value]) => [name, JSON.stringify(value)] as const),
    );
    const cells = new Cells(
      sweep.settings ?? {},
      matrix,
      combinations,
      without === 0 ? [{}] : listed,
      seeds,
      // An entry without values would leave out everything.
      excluded.filter((entry) => entry.length > 0),
    );
    return { ok: true, result: cells };
  }

  /** The number of cells, including excluded ones. */
  get size(): number {
    return (this.combinations + this.listed.length) * (this.seeds?.length ?? 1);
  }

  /** Undefined where it is excluded. */
  at(number: number): Cell | undefined {
    const count = this.seeds?.length ?? 1;
    const place = this.placeOf(number);
    const own: Record<string, SweepValue> = {
      ...(place < this.combinations ? this.combination(place) : this.listed[place - this.combinations]),
    };
    if (this.seeds) own['seed'] = this.seeds[number % count] ?? 0;
    const settings = { ...this.shared, ...own };
    const isOut = this.excluded.some((entry) =>
      entry.every(([name, value]) => name in settings && JSON.stringify(settings[name]) === value),
    );
    return isOut ? undefined : { number, own, settings };
  }

  /** The same number for cells that differ by one of `seeds` alone. */
  placeOf(number: number): number {
    return Math.floor(number / (this.seeds?.length ?? 1));
  }

  /** Those that are not excluded, in their order. */
  *all(): Generator<Cell> {
    for (let number = 0; number < this.size; number++) {
      const cell = this.at(number);
      if (cell) yield cell;
    }
  }

  /** The last axis changes fastest. */
  private combination(place: number): Record<string, SweepValue> {
    const chosen: Record<string, SweepValue> = {};
    let rest = place;
    for (const { name, values } of [...this.matrix].reverse()) {
      const value = values[rest % values.length];
      if (value !== undefined) chosen[name] = value;
      rest = Math.floor(rest / values.length);
    }
    return Object.fromEntries(Object.entries(chosen).reverse());
  }
}

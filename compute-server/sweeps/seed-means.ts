/** Means over the seeds of a sweep: one row for each row of a result that the seeds share. */
import { meanInterval } from '../../diagnostics/shared/statistics/proportion';
import type { CellSettings } from '../../protocol/sweeps/sweep-file';

/**
 * A number over n seeds, in its own unit. `mean`: arithmetic mean; `deviation`: sample standard deviation, with n - 1; `low` and `high`:
 * the 95 % interval of the mean by Student's t, mean ∓ t(0.975, n - 1) deviation / √n, which takes the values of seeds as independent and
 * close to normal. One seed has a mean alone.
 */
export interface SeedMean {
  readonly n: number;
  readonly mean: number;
  readonly deviation?: number;
  readonly low?: number;
  readonly high?: number;
}

export interface MeanRow {
  /** Those of its cells, without the seed. */
  readonly settings: CellSettings;
  /** Seeds with a result, in the order of the sweep. A value that some of them lack has a smaller n. */
  readonly seeds: readonly number[];
  /** Texts that are the same for all seeds, such as the mechanism of a row of a benchmark. */
  readonly texts: Readonly<Record<string, string>>;
  readonly means: Readonly<Record<string, SeedMean>>;
}

type Values = Readonly<Record<string, number | string | boolean | null>>;

export interface CellRows {
  readonly settings: CellSettings;
  readonly rows: readonly Values[];
}

function seedMean(values: readonly number[]): SeedMean {
  const n = values.length;
  const { mean, low, high } = meanInterval(values);
  if (n < 2) return { n, mean };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  return { n, mean, deviation, low, high };
}

/**
 * The rows of a table are told apart by their place. Tables of different lengths have no means, nor have rows whose texts differ between
 * seeds: they would be means of different things.
 */
export function seedMeans(cells: readonly CellRows[]): readonly MeanRow[] {
  const groups = new Map<string, { settings: CellSettings; seeds: number[]; tables: (readonly Values[])[] }>();
  for (const { settings, rows } of cells) {
    const { seed, ...others } = settings;
    if (typeof seed !== 'number') continue;
    const name = JSON.stringify(Object.entries(others).sort(([one], [other]) => (one < other ? -1 : 1)));
    const group = groups.get(name) ?? { settings: others, seeds: [], tables: [] };
    group.seeds.push(seed);
    group.tables.push(rows);
    groups.set(name, group);
  }
  return [...groups.values()].flatMap(({ settings, seeds, tables }) => {
    const length = tables[0]?.length ?? 0;
    if (tables.some((rows) => rows.length !== length)) return [];
    return Array.from({ length }, (_, at) =>
      meanRow(
        settings,
        seeds,
        tables.map((rows) => rows[at] ?? {}),
        length > 1,
      ),
    ).flat();
  });
}

function meanRow(
  settings: CellSettings,
  seeds: readonly number[],
  rows: readonly Values[],
  inTable: boolean,
): readonly MeanRow[] {
  const texts: Record<string, string> = {};
  const means: Record<string, SeedMean> = {};
  for (const name of new Set(rows.flatMap((row) => Object.keys(row)))) {
    const values = rows.map((row) => row[name]);
    const [first] = values;
    if (typeof first === 'string' && values.every((value) => value === first)) texts[name] = first;
    else if (inTable && values.some((value) => typeof value === 'string')) return [];
    const numbers = values.filter((value) => typeof value === 'number');
    if (numbers.length > 0) means[name] = seedMean(numbers);
  }
  return [{ settings, seeds, texts, means }];
}

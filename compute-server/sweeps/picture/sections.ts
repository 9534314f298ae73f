/** Results of a sweep as sections: a map over two axes, lines over one with intervals over the rest, and a table. */
import { meanInterval } from '../../../diagnostics/shared/statistics/proportion';
import * as build from '../../../protocol/sections/builders';
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { CellStatus } from '../../../protocol/sweeps/sweep-status';
import type { SweepLook } from '../../../protocol/sweeps/sweep-picture';
import { counted } from '../../../protocol/wire/number-words';
import { placeOn, type Axis } from './axes';
import type { KnownResults } from './known-results';

/** The most that is drawn of an axis, and the most rows of the table. */
const mostSide = 200;
const mostLines = 8;
const mostRows = 200;
const mostColumns = 8;

/** `placed`: cells of the matrix; `cells`: those that are listed. */
export function pictureSections(
  { placed, cells }: { readonly placed: readonly CellStatus[]; readonly cells: readonly CellStatus[] },
  known: KnownResults,
  look: SweepLook,
  axes: readonly Axis[],
): readonly Section[] {
  const { value } = look;
  if (value === undefined) return [];
  const isDone = ({ state }: CellStatus): boolean => state === 'done';
  const done = placed.filter(isDone);
  const down = axes.find(({ name }) => name === look.rows);
  const across = axes.find(({ name }) => name === look.columns);
  const rest = (used: readonly (Axis | undefined)[]): string => {
    const names = axes.filter((axis) => axis.ids.length > 1 && !used.includes(axis)).map(({ name }) => name);
    return names.join(', ');
  };
  const of = (key: string): number => known.number(key, value);
  // Over seeds there is a spread, not a comparison.
  const lines = across?.name === 'seed' ? undefined : across;
  return [
    ...(down && across ? [mapOf(done, of, value, down, across, rest([down, across]))] : []),
    ...(down && down.ids.length > 1 ? [linesOf(done, of, value, down, lines, rest([down, lines]))] : []),
    tableOf(cells.filter(isDone), known, value, axes),
  ];
}

type NumberOf = (key: string) => number;

const cut = (axis: Axis, most: number): string =>
  axis.ids.length > most
    ? ` Of ${counted(axis.ids.length, 'value', 'values')} of ${axis.name}, the first ${most} are drawn.`
    : '';

/** Mean of the number over the cells of each place. */
function mapOf(
  cells: readonly CellStatus[],
  of: NumberOf,
  value: string,
  down: Axis,
  across: Axis,
  rest: string,
): MapSection {
  const [rows, columns] = [Math.min(mostSide, down.ids.length), Math.min(mostSide, across.ids.length)];
  const empty = (): number[][] => Array.from({ length: rows }, () => Array.from({ length: columns }, () => 0));
  const [sums, counts] = [empty(), empty()];
  for (const cell of cells) {
    const [row = -1, column = -1, number] = [placeOn(down, cell), placeOn(across, cell), of(cell.key)];
    const [sum, count] = [sums[row], counts[row]];
    if (!sum || !count || column < 0 || column >= columns || Number.isNaN(number)) continue;
    sum[column] = (sum[column] ?? 0) + number;
    count[column] = (count[column] ?? 0) + 1;
  }
  const values = sums.map((row, at) => row.map((sum, column) => sum / (counts[at]?.[column] ?? 0)));
  const all = values.flat().filter((number) => !Number.isNaN(number));
  const signed = all.some((number) => number < 0) && all.some((number) => number > 0);
  const [least, largest] = all.reduce(
    ([low, high], one) => [Math.min(low, one), Math.max(high, one)],
    [Infinity, -Infinity],
  );
  const bounds =
    signed || all.length === 0 ? {} : { min: least === largest ? Math.min(0, least) : least, max: largest };
  return {
    kind: 'map',
    id: 'map',
    title: `${value} over ${down.name} and ${across.name}`,
    caption: `${rest === '' ? 'One cell a place.' : `The mean over ${rest}.`} Places without a result are empty.${cut(down, mostSide)}${cut(across, mostSide)}`,
    unit: '',
    definition: `${value} of the results, as their files have it${rest === '' ? '' : `; the mean over ${rest}`}.`,
    scale: signed ? { kind: 'diverging' } : { kind: 'sequential', ...bounds },
    rows: { title: down.name, labels: down.labels.slice(0, rows), named: true },
    columns: { title: across.name, labels: across.labels.slice(0, columns), named: true },
    values,
    empty: 'No cell of these has a result yet.',
  };
}

/** Over numbers to scale, on a logarithmic axis where they span a factor of 64; over anything else in the order of the sweep. */
function axisOf({ name, values, labels }: Axis): {
  readonly axis: ReturnType<typeof build.axis>;
  readonly xs: readonly number[];
} {
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length < values.length)
    return { axis: build.categoryAxis(name, labels.slice(0, mostSide)), xs: values.map((_, at) => at) };
  const least = numbers.reduce((one, other) => Math.min(one, other), Infinity);
  const largest = numbers.reduce((one, other) => Math.max(one, other), -Infinity);
  const isWide = least > 0 && largest / least >= 64;
  return { axis: isWide ? build.logAxis(name, 'log2') : build.axis(name), xs: numbers };
}

function linesOf(
  cells: readonly CellStatus[],
  of: NumberOf,
  value: string,
  down: Axis,
  by: Axis | undefined,
  rest: string,
): Section {
  const length = Math.min(mostSide, down.ids.length);
  const lines = by ? Math.min(mostLines, by.ids.length) : 1;
  const found = Array.from({ length: lines }, () => Array.from({ length }, (): number[] => []));
  for (const cell of cells) {
    const line = by ? (placeOn(by, cell) ?? -1) : 0;
    const number = of(cell.key);
    if (!Number.isNaN(number)) found[line]?.[placeOn(down, cell) ?? -1]?.push(number);
  }
  const { axis, xs } = axisOf(down);
  const series = found.map((places, line): SectionSeries => {
    const points = places
      .flatMap((numbers, at) => {
        if (numbers.length === 0) return [];
        const { mean, low, high } = meanInterval(numbers);
        return [{ x: xs[at] ?? at, y: mean, ...(Number.isNaN(low) ? {} : { low, high }) }];
      })
      .sort((one, other) => one.x - other.x);
    return build.line(`line ${line}`, by?.labels[line] ?? value, points);
  });
  const drawn = series.filter(({ points }) => points.length > 0);
  const banded = drawn.some(({ points }) => points.some(({ low }) => low !== undefined));
  return build.chart(
    'lines',
    `${value} over ${down.name}`,
    `${by ? `One line for each value of ${by.name}.` : ''}${rest === '' ? '' : ` The mean over ${rest}.`}${cut(down, mostSide)}${by ? cut(by, mostLines) : ''}`.trim(),
    axis,
    build.axis(value),
    drawn,
    {
      interval: banded
        ? `95 % interval of the mean by Student's t over the cells of a point${rest === '' ? '' : ` (${rest})`}`
        : undefined,
      empty: 'No cell of these has a result yet.',
    },
  );
}

function tableOf(cells: readonly CellStatus[], known: KnownResults, value: string, axes: readonly Axis[]): Section {
  const names = [value, ...known.names.filter((name) => name !== value)].slice(0, mostColumns);
  const shown = cells.slice(0, mostRows);
  const more =
    cells.length > shown.length
      ? ` Of ${cells.length.toLocaleString('en')} results, the first ${mostRows} are listed.`
      : '';
  const further =
    known.names.length > names.length ? ` Of ${known.names.length} numbers, ${names.length} are shown.` : '';
  return build.table(
    'table',
    'Results',
    `${more}${further}${more === '' && further === '' ? '' : ' headscope sweep collect writes all of them.'}`.trim(),
    shown,
    [
      axes.map((axis, at) =>
        build.text<CellStatus>(`axis ${at}`, axis.name, (cell) => axis.labels[placeOn(axis, cell) ?? -1] ?? ''),
      ),
      names.map((name) =>
        build.number<CellStatus>(name, name, `${name} of the result, as its file has it.`, ({ key }) => {
          const number = known.number(key, name);
          return Number.isNaN(number) ? undefined : number;
        }),
      ),
    ],
    { empty: 'No cell of these has a result yet.' },
  );
}

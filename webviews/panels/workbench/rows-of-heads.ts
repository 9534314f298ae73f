/** A grid of heads and the table with their rows: what is found in the table is counted in the grid, and a head shows its rows. Pure. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { headsOfRows, leastSearched } from '../../sections/found-rows';
import { remembered } from '../../sections/remembered';
import { foundIn, headsOf } from '../../sections/table-twin';
import { headKey, headName } from '../../ui/head-names';

type Rows = NonNullable<HeadsSection['rows']>;
type Grid = HeadsSection & { readonly rows: Rows };

export interface RowsOfHeads {
  readonly grid: Grid;
  readonly table: TableSection;
}

const hasRows = (section: Section): section is Grid => section.kind === 'heads' && section.rows !== undefined;

/** Of a grid or its table; undefined for any other section, and where one of the two is not there. */
export function rowsOfHeads(section: Section, sections: readonly Section[]): RowsOfHeads | undefined {
  const grid = hasRows(section)
    ? section
    : sections.find((one): one is Grid => hasRows(one) && one.rows.in === section.id);
  const table = sections.find((one) => one.id === grid?.rows.in);
  return grid && table?.kind === 'table' ? { grid, table } : undefined;
}

/** A table that is seen at once is not searched. */
export const isSearched = ({ table }: RowsOfHeads): boolean => table.rows.length >= leastSearched;

/** The number of the grid that counts what was found. */
export const foundNumber = 'found';

/** The grid with a count of the rows that have the text; the same object each time, so that its picture is not drawn anew. */
export const withFound = remembered((grid: HeadsSection, table: TableSection, find: string): HeadsSection => {
  const counts = new Map(
    headsOfRows(headsOf(table, foundIn(table, find))).map(({ head, rows }) => [headKey(head.layer, head.head), rows]),
  );
  const [first] = grid.numbers;
  const number: HeadsLayer = {
    name: foundNumber,
    title: `${grid.rows?.title ?? 'Rows'} found`,
    unit: '',
    definition: `rows of “${table.title}” with the text “${find.trim()}”`,
    scale: { kind: 'sequential', min: 0 },
    values: (first?.values ?? []).map((row, layer) =>
      row.map((value, head) => counts.get(headKey(layer, head)) ?? (Number.isNaN(value) ? value : 0)),
    ),
  };
  return { ...grid, numbers: [number, ...grid.numbers] };
});

/** The rows of one head, without the column that names it. */
export function rowsOfHead({ grid, table }: RowsOfHeads, { layer, head }: HeadPlace): TableSection {
  const named = table.columns.findIndex(({ kind }) => kind === 'head');
  const without = <T>(all: readonly T[]): readonly T[] => all.filter((_, at) => at !== named);
  return {
    ...table,
    id: `${table.id}-${headName(layer, head)}`,
    title: `${grid.rows.title} of ${headName(layer, head)}`,
    // Without the head there is room for what an example is.
    columns: without(table.columns).map((column, at) => {
      const { wide: _, ...narrow } = column;
      return at === 0 ? narrow : column;
    }),
    rows: table.rows.flatMap((row) => {
      const cell = row[named];
      const isOf = typeof cell === 'object' && cell !== null && 'layer' in cell;
      return isOf && cell.layer === layer && cell.head === head ? [without(row)] : [];
    }),
  };
}

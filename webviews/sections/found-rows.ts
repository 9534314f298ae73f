/** Rows of a long table that hold what a person typed, and which heads have most of them. */
import type { CellValue } from '../ui/table';
import type { TwinRow } from './section-kind';

/** A table with fewer rows is seen at once. */
export const leastSearched = 20;

const spaced = (text: string): string => text.replaceAll('␣', ' ').toLowerCase();

/**
 * Rows with the text in one of the cells, whatever its case; a space is one of a token too. `columns`: how many cells of a row
 * are shown.
 */
export function foundRows(rows: readonly TwinRow[], columns: number, find: string): readonly TwinRow[] {
  if (find.trim() === '') return rows;
  const wanted = spaced(find);
  const holds = (cell: CellValue): boolean => typeof cell === 'string' && spaced(cell).includes(wanted);
  return rows.filter((row) => row.slice(0, columns).some(holds));
}

/** The heads in a column that have most rows, as words: `L3H2 (12)`; of as many the first in the table. */
export function headsOfRows(rows: readonly TwinRow[], column: number, most: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const head = row[column];
    if (typeof head === 'string') counts.set(head, (counts.get(head) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([head, count]) => `${head} (${count})`);
}

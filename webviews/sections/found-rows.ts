/** Rows of a long table that hold what a person typed, and which heads have most of them. */
import type { HeadPlace } from '../../protocol/schema/written-form';
import { headKey } from '../ui/head-names';
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

/** The heads of rows and how many rows each has, most first; of as many the first in the table. */
export function headsOfRows(
  heads: readonly HeadPlace[],
): readonly { readonly head: HeadPlace; readonly rows: number }[] {
  const counts = new Map<string, { readonly head: HeadPlace; rows: number }>();
  for (const head of heads) {
    const key = headKey(head.layer, head.head);
    const known = counts.get(key) ?? { head, rows: 0 };
    known.rows += 1;
    counts.set(key, known);
  }
  return [...counts.values()].sort((a, b) => b.rows - a.rows);
}

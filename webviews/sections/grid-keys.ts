/** How the arrow keys walk rows of cells, which may be of different lengths. */

export interface GridPlace {
  readonly row: number;
  readonly column: number;
}

/** `columnsOf`: cells of each row. Stays inside; undefined for a key that does not move. `page`: rows of a page key. */
export function moveInGrid(
  { row, column }: GridPlace,
  key: string,
  columnsOf: readonly number[],
  page = 8,
): GridPlace | undefined {
  const down = (by: number): GridPlace => {
    // Over rows without cells, to the next that has some.
    const step = Math.sign(by);
    let to = Math.min(columnsOf.length - 1, Math.max(0, row + by));
    while (to >= 0 && to < columnsOf.length && (columnsOf[to] ?? 0) === 0) to += step;
    const length = columnsOf[to] ?? 0;
    return length === 0 ? { row, column } : { row: to, column: Math.min(column, length - 1) };
  };
  const last = (columnsOf[row] ?? 1) - 1;
  switch (key) {
    case 'ArrowLeft':
      return { row, column: Math.max(0, column - 1) };
    case 'ArrowRight':
      return { row, column: Math.min(last, column + 1) };
    case 'Home':
      return { row, column: 0 };
    case 'End':
      return { row, column: last };
    case 'ArrowUp':
      return down(-1);
    case 'ArrowDown':
      return down(1);
    case 'PageUp':
      return down(-page);
    case 'PageDown':
      return down(page);
    default:
      return undefined;
  }
}

export const gridKey = ({ row, column }: GridPlace): string => `${row}.${column}`;

export function parseGridKey(key: string): GridPlace | undefined {
  const found = /^(\d+)\.(\d+)$/.exec(key);
  return found ? { row: Number(found[1]), column: Number(found[2]) } : undefined;
}

/** Places of a list from one to another, in order, both among them. */
export const between = (from: number, to: number): readonly string[] =>
  Array.from({ length: Math.abs(to - from) + 1 }, (_, at) => String(Math.min(from, to) + at));

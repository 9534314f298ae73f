/** What one query reads, as CSV: position, id, token and probability of each key. Pure. */
import { toCsv } from '../../ui/csv';

export function rowCsv(
  ids: readonly number[],
  tokens: readonly string[],
  weights: ArrayLike<number> | undefined,
): string {
  const numeric = true;
  return toCsv(
    [
      { id: 'position', title: 'Position', numeric, value: (at: number) => at },
      { id: 'id', title: 'Id', numeric, value: (at: number) => ids[at] },
      { id: 'token', title: 'Token', numeric: false, value: (at: number) => tokens[at] },
      { id: 'probability', title: 'Probability', numeric, value: (at: number) => weights?.[at] },
    ],
    ids.map((_, at) => at),
  );
}

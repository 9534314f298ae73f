/** Two results side by side: the columns of a table of changes. Change = this one minus the other. */
import { significant, signed } from './numbers';
import type { Column } from './table';

export interface Change {
  readonly here: number;
  readonly there: number;
}

export const changeOf = ({ here, there }: Change): number => here - there;

/** `first` names the row; `other` is the name of the other result. */
export function changeColumns<Row extends Change>(
  first: Column<Row>,
  other: string,
  unit?: string,
): readonly Column<Row>[] {
  const number = (id: string, title: string, value: (row: Row) => number, sign = false): Column<Row> => ({
    id,
    title,
    ...(unit ? { unit } : {}),
    numeric: true,
    value,
    text: (row) => (sign ? signed : significant)(value(row)),
  });
  return [
    first,
    number('here', 'Here', ({ here }) => here),
    number('there', other, ({ there }) => there),
    number('change', 'Change', changeOf, true),
  ];
}

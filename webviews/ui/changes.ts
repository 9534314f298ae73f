/** Two results side by side: the columns of a table of changes, and what besides the numbers differs. Change = this one minus the other. */
import { significant } from './numbers';
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
    text: (row) => `${sign && value(row) > 0 ? '+' : ''}${significant(value(row))}`,
  });
  return [
    first,
    number('here', 'Here', ({ here }) => here),
    number('there', other, ({ there }) => there),
    number('change', 'Change', changeOf, true),
  ];
}

/** A fact of both results; `long`: too long to be written out, so that it is only named. */
export interface Fact {
  readonly name: string;
  readonly here: string;
  readonly there: string;
  readonly long?: true;
}

export function differenceWords(facts: readonly Fact[], same: string): string {
  const different = facts.filter(({ here, there }) => here !== there);
  if (different.length === 0) return same;
  return `Not the same: ${different
    .map(({ name, here, there, long }) => (long ? name : `${name} (${here}, there ${there})`))
    .join('; ')}.`;
}

/** Two results side by side: the columns of a table of changes. Change = this one minus the other. */
import { significant, signed } from './numbers';
import { headKey, headName } from './head-names';
import { type HeadPlace } from '../../protocol/schema/written-form';
import { countColumn, table, textColumn, type Column } from './table';
import type { TemplateResult } from 'lit';
import { pageOfRows } from './whole-table';

export interface Change {
  readonly here: number;
  readonly there: number;
}

export const changeOf = ({ here, there }: Change): number => here - there;

/** `first` names the row; `other` is the name of the other result. */
function changeColumns<Row extends Change>(first: Column<Row>, other: string, unit?: string): readonly Column<Row>[] {
  const rest = unit ? { unit } : {};
  return [
    first,
    countColumn('here', 'Here', ({ here }) => here, { ...rest, text: ({ here }) => significant(here) }),
    countColumn('there', other, ({ there }) => there, { ...rest, text: ({ there }) => significant(there) }),
    countColumn('change', 'Change', changeOf, { ...rest, text: (row) => signed(changeOf(row)) }),
  ];
}

/** `changes are this result less the earlier one`: by when the two were made. */
export function signWords(here: { readonly created: string }, there: { readonly created: string }): string {
  const which = there.created < here.created ? 'earlier' : there.created > here.created ? 'later' : 'other';
  return `changes are this result less the ${which} one`;
}

interface Shaped {
  readonly layers: number;
  readonly heads: number;
}

export type HeadChange = HeadPlace & Change;

/** Every head that both results have a number for, most changed first. */
export const headChanges = (
  { layers, heads }: Shaped,
  here: (place: HeadPlace) => number | undefined,
  there: (place: HeadPlace) => number | undefined,
): readonly HeadChange[] =>
  Array.from({ length: layers * heads }, (_, at): HeadChange => {
    const place = { layer: Math.floor(at / heads), head: at % heads };
    return { ...place, here: here(place) ?? Number.NaN, there: there(place) ?? Number.NaN };
  })
    .filter((row) => !Number.isNaN(changeOf(row)))
    .sort((a, b) => Math.abs(changeOf(b)) - Math.abs(changeOf(a)));

export const headChangeColumns = (other: string, unit?: string): readonly Column<HeadChange>[] =>
  changeColumns(
    textColumn('head', 'Head', ({ layer, head }) => headName(layer, head)),
    other,
    unit,
  );

export const headChangeTable = (
  caption: string,
  columns: readonly Column<HeadChange>[],
  rows: readonly HeadChange[],
  selected: HeadPlace | undefined,
  select: (place: HeadPlace) => void,
): TemplateResult =>
  table({
    caption,
    columns,
    rows: rows.slice(0, pageOfRows),
    key: ({ layer, head }) => headKey(layer, head),
    selected: selected && headKey(selected.layer, selected.head),
    onSelect: ({ layer, head }) => select({ layer, head }),
  });

/** Why the heads of two models cannot be laid side by side; undefined where they can. */
export const whyOtherShape = (here: Shaped, there: Shaped, name: string): string | undefined =>
  here.layers === there.layers && here.heads === there.heads
    ? undefined
    : `This result has ${here.layers} layers of ${here.heads} heads, ${name} has ${there.layers} of ${there.heads}: heads can be compared one by one only between models of the same shape.`;

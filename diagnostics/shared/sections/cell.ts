import type { SectionCell, SectionColumn } from '../../../protocol/sections/table';

/** A number of a table, or nothing where none was measured. */
export const cellOf = (value: number | undefined): SectionCell =>
  value === undefined || Number.isNaN(value) ? null : value;

/** `definition` says what the number is; without a unit it is a count, a share or a ratio. */
export const numberColumn = (name: string, title: string, definition: string, unit = '') =>
  ({ name, title, kind: 'number', unit, definition }) as const satisfies SectionColumn;

/** Of whole numbers, written in full. */
export const countColumn = (name: string, title: string, definition: string, unit = '') =>
  ({ ...numberColumn(name, title, definition, unit), digits: 15 }) as const satisfies SectionColumn;

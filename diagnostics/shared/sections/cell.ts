import type { SectionCell } from '../../../protocol/sections/table';

/** A number of a table, or nothing where none was measured. */
export const cellOf = (value: number | undefined): SectionCell =>
  value === undefined || Number.isNaN(value) ? null : value;

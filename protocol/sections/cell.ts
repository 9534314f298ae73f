import type { SectionCell } from './table';

/** A cell of a table; empty where there is none, or no number was measured. */
export const cellOf = (value: SectionCell | undefined): SectionCell =>
  value === undefined || (typeof value === 'number' && Number.isNaN(value)) ? null : value;

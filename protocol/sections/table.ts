/** Rows and columns. */
import type { HeadPlace } from '../schema/written-form';
import type { Figure } from './figure';
import type { SectionOf } from './section-base';

export interface SectionColumn {
  readonly name: string;
  readonly title: string;
  readonly kind: 'text' | 'number' | 'head';
  /** Of a number; empty for a share or a count without a unit. */
  readonly unit?: string;
  readonly definition?: string;
  /** Significant digits of a number; 3 where left out. */
  readonly digits?: number;
}

export type SectionCell = string | Figure | HeadPlace | null;

export interface TableSection extends SectionOf<'table'> {
  readonly columns: readonly SectionColumn[];
  /** In the order of `columns`. */
  readonly rows: readonly (readonly SectionCell[])[];
}

/** One matrix, queries down and keys across: the probabilities of one head, a similarity, a transition. */
import type { Figure, Scale } from './figure';
import type { SectionOf } from './section-base';

export interface MapSection extends SectionOf<'map'> {
  readonly unit: string;
  readonly definition: string;
  readonly scale: Scale;
  readonly rows: { readonly title: string; readonly labels: readonly string[] };
  readonly columns: { readonly title: string; readonly labels: readonly string[] };
  /** [rows][columns] */
  readonly values: readonly (readonly Figure[])[];
}

/** Texts of a model, before and after a change. */
import type { Figure } from './figure';
import type { SectionOf } from './section-base';

export interface GenerationsSection extends SectionOf<'generations'> {
  /** `before`, `after`; or the name of each of several variants. */
  readonly variants: readonly string[];
  readonly items: readonly {
    readonly title: string;
    readonly prompt?: string;
    /** By variant. */
    readonly texts: readonly string[];
    /** By variant: what the text scored, in the words of `score`. */
    readonly scores?: readonly Figure[];
  }[];
  readonly score?: { readonly title: string; readonly unit: string };
}

/** A text as a ribbon of tokens, each with a value, a class, or both. */
import type { Figure, Scale } from './figure';
import type { SectionOf } from './section-base';

export interface TokensSection extends SectionOf<'tokens'> {
  readonly tokens: readonly string[];
  readonly numbers: readonly {
    readonly name: string;
    readonly title: string;
    readonly unit: string;
    readonly definition: string;
    readonly scale: Scale;
    /** One per token. */
    readonly values: readonly Figure[];
  }[];
  /** `of` gives the class of each token, -1 for none. */
  readonly classes?: { readonly names: readonly string[]; readonly of: readonly number[] };
}

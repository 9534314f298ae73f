/** Values over the patches of a picture. */
import type { ImageSpan } from '../schema/parts';
import type { Figure, Scale } from './figure';
import type { SectionOf } from './section-base';

export interface ImageSection extends SectionOf<'image'> {
  /** Where the picture lies (its path is read by the extension, never by a webview) and which token shows which part. */
  readonly image: ImageSpan;
  readonly numbers: readonly {
    readonly name: string;
    readonly title: string;
    readonly unit: string;
    readonly definition: string;
    readonly scale: Scale;
    /** One per image token. */
    readonly values: readonly Figure[];
  }[];
  /** `of` gives the class of each image token, -1 for none. */
  readonly classes?: { readonly names: readonly string[]; readonly of: readonly number[] };
  /**
   * Image tokens that are hatched and left out of the colour scale: an attention sink would leave the rest dark. `title` says
   * what they are, as in `a sink, not a finding`.
   */
  readonly apart?: { readonly title: string; readonly definition: string; readonly tokens: readonly number[] };
  /** Parts of the picture with a line around them, each by its image tokens. */
  readonly outlined?: readonly { readonly name: string; readonly tokens: readonly number[] }[];
}

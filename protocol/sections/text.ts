/** Sentences: what was done, what it does not show, what to read next. */
import type { SectionOf } from './section-base';

export interface TextSection extends SectionOf<'text'> {
  readonly paragraphs: readonly string[];
}

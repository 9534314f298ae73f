/** Sentences: what was done, what it does not show, what to read next. */
import { type KindOutput, list, text as anyText } from '../schema/fields';
import { base, mostNumbers } from './section-base';

export const text = { ...base, paragraphs: list(anyText, 'a list of paragraphs', { most: mostNumbers }) };
export type TextSection = KindOutput<'text', typeof text>;

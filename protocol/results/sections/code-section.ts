/** Why the code of an analysis file says nothing of two results, in the place of what it would say. */
import { paragraphs } from '../../sections/builders';
import type { Section } from '../../sections/section';

export const codeSection = (sentence: string): Section => paragraphs('code', 'Not compared further', [sentence]);

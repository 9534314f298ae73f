/** A lexicon of object classes, as a person writes it down and as a request carries it. */
import * as v from 'valibot';
import type { Schema } from '../schema/check';
import { mostItems, record, texts } from '../schema/fields';
import { given, InputError } from './faults';
import { wasUtf8 } from '../wire/utf8';
import { parseJsonText } from '../wire/json-text';

/** Classes of objects with their synonyms; a class is a word of its own too. */
export type ObjectClasses = Readonly<Record<string, readonly string[]>>;

export interface Lexicon {
  readonly classes: ObjectClasses;
  /** Two-word names are joined by the published table alone (a list in the published form), not the lexicon's own too. */
  readonly publishedNames: boolean;
}

/**
 * JSON `{"class": ["synonym", …]}`, or lines `class, synonym, synonym` as the published list has them (double spaces and
 * repeats are trimmed). Own two-word names are joined for JSON alone: the published list is scored with the published table.
 */
export function lexiconFrom(text: string): Lexicon {
  if (/[\0-\x08\x0e-\x1f\ufffd]/.test(text) || !wasUtf8(text)) throw new InputError('it is not a text in UTF-8');
  if (/^\s*[{[]/.test(text)) {
    const parsed = parseJsonText(text);
    if (!parsed.ok) throw new InputError(`it is not valid JSON (${parsed.fault})`);
    return { classes: classesFrom(parsed.value), publishedNames: false };
  }
  const rows = text
    .split('\n')
    .map((line) => line.split(',').map((word) => word.trim().replace(/\s+/g, ' ')))
    .map((words) => [...new Set(words.filter((word) => word !== ''))])
    .filter((words) => words.length > 0);
  if (rows.length === 0) throw new InputError('it names no class');
  const classes = Object.fromEntries(rows.map(([name = '', ...synonyms]) => [name, synonyms]));
  return { classes, publishedNames: true };
}

const classes: Schema<ObjectClasses> = v.pipe(
  record(texts, 'an object from class to a list of synonyms, e.g. {"dog": ["puppy"]}', { most: mostItems }),
  v.check((value) => Object.keys(value).length > 0, 'a lexicon that names a class'),
);

export const classesFrom = (value: unknown): ObjectClasses => given(classes, value);

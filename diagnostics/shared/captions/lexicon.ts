/**
 * Which words of a caption name objects, by the rules of CHAIR (Rohrbach et al. 2018, arXiv 1809.02156, and its published
 * scorer): lower case, words, singular, two-word names joined from left to right, looked up.
 *
 * Singular forms come from `pluralize` (the published scorer used pattern.en, which is Python). Read against the words of the
 * default lexicon on 2026-11-24 it gives the singular of each plural and leaves each singular as it is, unlike `inflection`
 * 3.0 (is -> i, pies -> py, ties -> ty).
 */
import pluralize from 'pluralize';

/** Classes with their synonyms; the class is one of its own words. */
export type ObjectLexicon = Readonly<Record<string, readonly string[]>>;

/** Two words that are one name, and what they count as. A name of three words can never match and is left out. */
const joinedNames = [
  'motor bike',
  'motor cycle',
  'air plane',
  'traffic light',
  'street light',
  'traffic signal',
  'stop light',
  'fire hydrant',
  'stop sign',
  'parking meter',
  'suit case',
  'sports ball',
  'baseball bat',
  'baseball glove',
  'tennis racket',
  'wine glass',
  'hot dog',
  'cell phone',
  'mobile phone',
  'teddy bear',
  'hair drier',
  'potted plant',
  'bow tie',
  'laptop computer',
  'home plate',
  // Taken from the standalone scorers: without it, "train track" counts as a train.
  'train track',
];
const animals = [
  'bird',
  'cat',
  'dog',
  'horse',
  'sheep',
  'cow',
  'elephant',
  'bear',
  'zebra',
  'giraffe',
  'animal',
  'cub',
];
const vehicles = ['jet', 'train'];

/** "baby bird" is a bird and no person, "passenger train" a train. */
const doubleWords: ReadonlyMap<string, string> = new Map([
  ...joinedNames.map((name) => [name, name] as const),
  ...animals.flatMap((animal) => [[`baby ${animal}`, animal] as const, [`adult ${animal}`, animal] as const]),
  ...vehicles.map((vehicle) => [`passenger ${vehicle}`, vehicle] as const),
  ['bow tie', 'tie'],
  ['toilet seat', 'toilet'],
  // What pattern.en made of "wine glasses".
  ['wine glas', 'wine glass'],
]);

export const singular = (word: string): string => pluralize.singular(word);

export interface Word {
  readonly text: string;
  /** Half-open range in the text. */
  readonly start: number;
  readonly end: number;
}

/**
 * Words and marks in order: a run of letters, digits and inner hyphens; what an apostrophe begins ("'s", "n't"); any other
 * sign alone, so that words on two sides of a mark are not neighbours.
 */
export function wordsOf(text: string): Word[] {
  const pattern = /[\p{L}\p{N}]+?(?=n['’]t\b)|n['’]t\b|['’]\p{L}+|[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)*|[^\s\p{L}\p{N}]/giu;
  return Array.from(text.matchAll(pattern), (match) => ({
    text: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));
}

const isWord = ({ text }: Word): boolean => /[\p{L}\p{N}]/u.test(text);

/** Words, without marks. */
export const wordCount = (text: string): number => wordsOf(text).filter(isWord).length;

/** The text up to the end of its `count`-th word; all of it where it has no more. */
export const firstWords = (text: string, count: number): string =>
  count <= 0 ? '' : text.slice(0, wordsOf(text).filter(isWord)[count - 1]?.end ?? text.length);

/** A word of a caption that the lexicon knows. */
export interface Mention {
  /** As it was looked up: lower case, singular, joined. */
  readonly word: string;
  /** Class of the lexicon. */
  readonly object: string;
  readonly start: number;
  readonly end: number;
}

export class ObjectFinder {
  private readonly classOf = new Map<string, string>();
  private readonly joined: ReadonlyMap<string, string>;

  /** `joinOwn`: the lexicon's own two-word names are looked for too, which the published scorer does with its list alone. */
  constructor(lexicon: ObjectLexicon, joinOwn = false) {
    const clean = (word: string): string => word.trim().replace(/\s+/g, ' ').toLowerCase();
    const pairs = new Map(doubleWords);
    for (const [given, synonyms] of Object.entries(lexicon)) {
      const name = clean(given);
      for (const word of [name, ...synonyms.map(clean)]) {
        // Words of a caption arrive in the singular, so a plural in the lexicon is known by its singular too.
        for (const form of [word, singular(word)]) if (!this.classOf.has(form)) this.classOf.set(form, name);
        const form = singular(word);
        if (joinOwn && /^\S+ \S+$/.test(form) && !pairs.has(form)) pairs.set(form, form);
      }
    }
    // A class is never another class's synonym.
    for (const given of Object.keys(lexicon)) this.classOf.set(clean(given), clean(given));
    this.joined = pairs;
  }

  /** The class of a word that stands for itself (a label of the truth), or undefined. */
  classFor(name: string): string | undefined {
    const word = name.trim().replace(/\s+/g, ' ').toLowerCase();
    return this.classOf.get(word) ?? this.classOf.get(singular(word));
  }

  /** Objects named in a caption, in order, repeats kept. */
  mentions(caption: string): Mention[] {
    const words = wordsOf(caption).map((word) => ({ ...word, text: singular(word.text.toLowerCase()) }));
    const names: Word[] = [];
    for (let i = 0; i < words.length; i++) {
      const [first, second] = [words[i], words[i + 1]];
      if (!first) continue;
      const joined = second ? this.joined.get(`${first.text} ${second.text}`) : undefined;
      if (second && joined !== undefined) {
        names.push({ text: joined, start: first.start, end: second.end });
        i++;
      } else {
        names.push(first);
      }
    }
    // A toilet's seat is no chair.
    const has = (text: string): boolean => names.some((name) => name.text === text);
    const seatOfToilet = has('toilet') && has('seat');
    return names
      .filter(({ text }) => !(seatOfToilet && text === 'seat'))
      .flatMap(({ text, start, end }) => {
        const object = this.classOf.get(text);
        return object === undefined ? [] : [{ word: text, object, start, end }];
      });
  }
}

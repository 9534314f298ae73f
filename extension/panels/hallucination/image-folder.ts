/** A folder of pictures with what is in them: `truth.json`, and `lexicon.txt` or `lexicon.json`. Parsing is pure. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ImageFolder } from '../../../protocol/panels/hallucination';
import { Sentence } from '../questions';
import { isTable, isText, need, parseChecked, type Parsed } from '../../results/checks';

export const truthFile = 'truth.json';
const lexiconFiles = ['lexicon.txt', 'lexicon.json'];

const types: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  bmp: 'image/bmp',
};

/** The endings of pictures that can be chosen. */
export const imageEndings = Object.keys(types);

/** Undefined for a file that is no picture by its name. */
export const imageType = (path: string): string | undefined => types[path.split('.').at(-1)?.toLowerCase() ?? ''];

export type Truth = ReadonlyMap<string, readonly string[]>;

/** `{image: [objects]}`, `{image: {objects}}` or `[{image, objects}]`. */
export function parseTruth(text: string): Parsed<Truth> {
  return parseChecked(text, (value) => {
    const pairs: (readonly [string, unknown])[] = Array.isArray(value)
      ? value.map((one: unknown, at): readonly [string, unknown] => {
          need(isTable(one) && isText(one['image']), `[${at}]`, 'an object with "image" and "objects"');
          return [String(one['image']), one['objects']];
        })
      : isTable(value)
        ? Object.entries(value)
        : [];
    need(pairs.length > 0, truthFile, 'an object of pictures with their objects, {"a.png": ["dog", "ball"]}');
    return new Map(
      pairs.map(([name, entry]) => {
        const objects: unknown = isTable(entry) ? entry['objects'] : entry;
        need(Array.isArray(objects) && objects.every(isText), name, 'a list of objects');
        return [name, objects.map((object) => object.toLowerCase())];
      }),
    );
  });
}

export type Lexicon = Readonly<Record<string, readonly string[]>>;

/** One class a line, its first word the class and the rest synonyms, separated by commas; or JSON {class: [synonyms]}. */
export function parseLexicon(text: string): Parsed<Lexicon> {
  if (text.trimStart().startsWith('{')) {
    return parseChecked(text, (value) => {
      need(isTable(value), 'The lexicon', 'an object of classes with their synonyms');
      for (const [name, synonyms] of Object.entries(value))
        need(Array.isArray(synonyms) && synonyms.every(isText), name, 'a list of synonyms');
      return value as Lexicon;
    });
  }
  const lines = text
    .split(/\r?\n/)
    .map((line) =>
      line
        .split(',')
        .map((word) => word.trim().replace(/\s+/g, ' ').toLowerCase())
        .filter((word) => word !== ''),
    )
    .filter((words) => words.length > 0);
  if (lines.length === 0) return { ok: false, why: 'The lexicon is empty.' };
  return { ok: true, result: Object.fromEntries(lines.map(([name = '', ...synonyms]) => [name, synonyms])) };
}

export interface FoundImages {
  readonly shown: ImageFolder;
  readonly images: readonly { readonly path: string; readonly truth: readonly string[] }[];
  /** Path of a lexicon beside them. */
  readonly lexicon?: string;
}

/** The pictures of a folder that have a truth, by name. */
export async function readImageFolder(folder: string): Promise<FoundImages> {
  const none = (note: string): FoundImages => ({ shown: { folder, images: 0, note }, images: [] });
  let names: readonly string[];
  try {
    names = (await readdir(folder)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    return none(`The folder cannot be read: ${(error as Error).message}.`);
  }
  const lexiconName = lexiconFiles.find((name) => names.includes(name));
  const lexicon = lexiconName === undefined ? {} : { lexicon: join(folder, lexiconName) };
  if (!names.includes(truthFile)) return { ...none(`It has no ${truthFile}.`), ...lexicon };
  const truth = parseTruth(await readFile(join(folder, truthFile), 'utf8'));
  if (!truth.ok) return { ...none(`Its ${truthFile} cannot be read. ${truth.why}`), ...lexicon };
  const images = names.flatMap((name) => {
    const objects = truth.result.get(name);
    return imageType(name) !== undefined && objects ? [{ path: join(folder, name), truth: objects }] : [];
  });
  const pictures = names.filter((name) => imageType(name) !== undefined).length;
  const without = pictures - images.length;
  const note = without > 0 ? { note: `${without} more have none and are left out.` } : {};
  return { shown: { folder, images: images.length, ...note }, images, ...lexicon };
}

/** What lies beside one picture: its truth and a lexicon, where the folder has them. */
export async function besideImage(
  path: string,
): Promise<{ readonly truth?: readonly string[]; readonly lexicon?: string }> {
  const { images, lexicon } = await readImageFolder(dirname(path));
  const found = images.find((image) => basename(image.path) === basename(path));
  return { ...(found ? { truth: found.truth } : {}), ...(lexicon === undefined ? {} : { lexicon }) };
}

/** The lexicon of a plan; undefined for the 80 classes of COCO. Fails with a sentence. */
export async function readLexicon(path: string): Promise<Lexicon | undefined> {
  if (path === '') return undefined;
  const parsed = parseLexicon(await readFile(path, 'utf8'));
  if (!parsed.ok) throw new Sentence(`${basename(path)} cannot be used as a lexicon. ${parsed.why}`);
  return parsed.result;
}

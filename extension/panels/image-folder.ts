/** A folder of pictures with what is in them: `truth.json`, and `lexicon.txt` or `lexicon.json`. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Lexicon, lexiconFrom } from '../../protocol/inputs/lexicon';
import type { ImageWithTruth } from '../../protocol/compute/hallucination-requests';
import { InputError } from '../../protocol/inputs/faults';
import { truthForm, truthFrom, type WrittenTruth } from '../../protocol/inputs/truth';
import type { ImageFolder } from '../../protocol/panels/hallucination';
import type { BesidePicture } from '../../protocol/panels/workbench';
import { parseJson, type Checked } from '../../protocol/schema/check';
import { anything } from '../../protocol/schema/fields';
import { whyUnread } from '../../protocol/wire/unread';
import { defined } from '../platform/defined';
import { Sentence } from './questions';

export const truthFile = 'truth.json';
const lexiconFiles = ['lexicon.txt', 'lexicon.json'];

/** What the compute server decodes. */
const types: Readonly<Record<string, string>> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg' };

/** The endings of pictures that can be chosen. */
export const imageEndings = Object.keys(types);

/** Undefined for a file that is no picture by its name. */
export const imageType = (path: string): string | undefined => types[path.split('.').at(-1)?.toLowerCase() ?? ''];

export type Truth = ReadonlyMap<string, WrittenTruth>;

export function parseTruth(text: string): Checked<Truth> {
  const parsed = parseJson(anything, text);
  if (!parsed.ok) return parsed;
  try {
    return { ok: true, result: truthFrom(parsed.result) };
  } catch (error) {
    if (error instanceof InputError) return { ok: false, why: `In the file, ${error.message}. ${truthForm}` };
    throw error;
  }
}

export interface FoundImages {
  readonly shown: ImageFolder;
  readonly images: readonly ImageWithTruth[];
  /** Path of a lexicon beside them; empty: none, so that the 80 classes of COCO are meant. Absent: the folder is not read. */
  readonly lexicon?: string;
  /** Path of the truth; absent: the folder has none that can be read. */
  readonly truth?: string;
}

/** The pictures of a folder that have a truth, by name. */
export async function readImageFolder(folder: string): Promise<FoundImages> {
  const none = (note: string): FoundImages => ({ shown: { folder, images: 0, note }, images: [] });
  let names: readonly string[];
  try {
    names = (await readdir(folder)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    return none(`The folder cannot be read: ${whyUnread(error)}.`);
  }
  const lexiconName = lexiconFiles.find((name) => names.includes(name));
  const lexicon = lexiconName === undefined ? '' : join(folder, lexiconName);
  if (!names.includes(truthFile)) return { ...none(`It has no ${truthFile}.`), lexicon };
  const truth = parseTruth(await readFile(join(folder, truthFile), 'utf8'));
  if (!truth.ok) return { ...none(`Its ${truthFile} cannot be read. ${truth.why}`), lexicon };
  const images = names.flatMap((name) => {
    const own = truth.result.get(name);
    if (imageType(name) === undefined || !own) return [];
    const path = join(folder, name);
    return [{ path, truth: own.objects, ...(own.captions.length === 0 ? {} : { references: own.captions }) }];
  });
  const pictures = names.filter((name) => imageType(name) !== undefined).length;
  const without = pictures - images.length;
  const note = without > 0 ? { note: `${without} more have none and are left out.` } : {};
  return { shown: { folder, images: images.length, ...note }, images, lexicon, truth: join(folder, truthFile) };
}

/** What lies beside one picture: its truth and captions by people, where the folder has them, and the lexicon (empty: none). */
export interface BesideImage {
  readonly truth?: readonly string[];
  readonly references?: readonly string[];
  readonly lexicon?: string;
}

export async function besideImage(path: string): Promise<BesideImage> {
  const { images, lexicon } = await readImageFolder(dirname(path));
  const found = images.find((image) => basename(image.path) === basename(path));
  return defined({ truth: found?.truth, references: found?.references, lexicon });
}

/** The same for a form: paths, and of a folder how much of it can be judged. */
export async function besidePicture(path: string, what: 'picture' | 'folder'): Promise<BesidePicture> {
  const folder = what === 'folder' ? path : dirname(path);
  const { shown, images, lexicon, truth } = await readImageFolder(folder);
  const found = images.find((image) => basename(image.path) === basename(path));
  return defined({
    objects: what === 'picture' ? found?.truth : undefined,
    // One that does not name the picture says nothing of it.
    truth: what === 'folder' || found ? truth : undefined,
    lexicon,
    ...(what === 'folder' ? { pictures: shown.images, note: shown.note } : {}),
  });
}

/** The lexicon of a plan; undefined for the 80 classes of COCO. Fails with a sentence. */
export async function readLexicon(path: string): Promise<Lexicon | undefined> {
  if (path === '') return undefined;
  const text = await readFile(path, 'utf8');
  try {
    return lexiconFrom(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new Sentence(
      `${basename(path)} cannot be used as a lexicon: ${error.message}. Choose a file of lines "class, synonym, synonym", or JSON {"class": ["synonym"]}.`,
    );
  }
}

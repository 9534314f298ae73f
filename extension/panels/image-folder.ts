/** A folder of pictures with what is in them: `truth.json`, and `lexicon.txt` or `lexicon.json`. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../../protocol/inputs/faults';
import { truthForm, truthFrom, type WrittenTruth } from '../../protocol/inputs/truth';
import type { BesidePicture } from '../../protocol/panels/workbench';
import { parseJson, type Checked } from '../../protocol/schema/check';
import { anything } from '../../protocol/schema/fields';
import { whyUnread } from '../../protocol/wire/unread';
import { defined } from '../platform/defined';

export const truthFile = 'truth.json';
const lexiconFiles = ['lexicon.txt', 'lexicon.json'];

/** What the compute server decodes. */
const types: Readonly<Record<string, string>> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg' };

/** Undefined for a file that is no picture by its name. */
export const imageType = (path: string): string | undefined => types[path.split('.').at(-1)?.toLowerCase() ?? ''];

type Truth = ReadonlyMap<string, WrittenTruth>;

function parseTruth(text: string): Checked<Truth> {
  const parsed = parseJson(anything, text);
  if (!parsed.ok) return parsed;
  try {
    return { ok: true, result: truthFrom(parsed.result) };
  } catch (error) {
    if (error instanceof InputError) return { ok: false, why: `In the file, ${error.message}. ${truthForm}` };
    throw error;
  }
}

interface FoundPictures {
  /** Objects of the pictures that have a truth, by the names of their files. */
  readonly objects: ReadonlyMap<string, readonly string[]>;
  /** What is missing or was left out, as a sentence. */
  readonly note?: string;
  /** Path of a lexicon beside them; empty: none, so that the 80 classes of COCO are meant. Absent: the folder is not read. */
  readonly lexicon?: string;
  /** Path of the truth; absent: the folder has none that can be read. */
  readonly truth?: string;
}

async function picturesIn(folder: string): Promise<FoundPictures> {
  const none = (note: string): FoundPictures => ({ objects: new Map(), note });
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    return none(`The folder cannot be read: ${whyUnread(error)}.`);
  }
  const lexiconName = lexiconFiles.find((name) => names.includes(name));
  const lexicon = lexiconName === undefined ? '' : join(folder, lexiconName);
  if (!names.includes(truthFile)) return { ...none(`It has no ${truthFile}.`), lexicon };
  const truth = parseTruth(await readFile(join(folder, truthFile), 'utf8'));
  if (!truth.ok) return { ...none(`Its ${truthFile} cannot be read. ${truth.why}`), lexicon };
  const pictures = names.filter((name) => imageType(name) !== undefined);
  const objects = new Map(
    pictures.flatMap((name) => {
      const own = truth.result.get(name);
      return own ? [[name, own.objects] as const] : [];
    }),
  );
  const without = pictures.length - objects.size;
  const note = without > 0 ? { note: `${without} more have none and are left out.` } : {};
  return { objects, ...note, lexicon, truth: join(folder, truthFile) };
}

/** What fills a form: objects and paths, and of a folder how much of it can be judged. */
export async function besidePicture(path: string, what: 'picture' | 'folder'): Promise<BesidePicture> {
  const { objects, note, lexicon, truth } = await picturesIn(what === 'folder' ? path : dirname(path));
  const found = objects.get(basename(path));
  return what === 'folder'
    ? defined({ truth, lexicon, pictures: objects.size, note })
    : // A truth that does not name the picture says nothing of it.
      defined({ objects: found, truth: found && truth, lexicon });
}

/** Files of captions and of what the images have (docs/hallucination.md), as the commands read them. */
import { InputError } from '../../protocol/inputs/faults';
import { lexiconFrom, type Lexicon } from '../../protocol/inputs/lexicon';
import {
  captionForm,
  captionsFrom,
  truthForm,
  truthFrom,
  type CaptionRow,
  type WrittenTruth,
} from '../../protocol/inputs/truth';
import { wrongUsage } from './exit-codes';
import { jsonFile, textFile } from './text-files';

export async function readCaptions(path: string): Promise<CaptionRow[]> {
  const parsed = await jsonFile(path);
  return fromFile(path, captionForm, () => captionsFrom(parsed));
}

export async function readTruth(path: string): Promise<Map<string, WrittenTruth>> {
  const parsed = await jsonFile(path);
  return fromFile(path, truthForm, () => truthFrom(parsed));
}

/** A fault of a file becomes a refusal that names the file. */
function fromFile<T>(path: string, next: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw wrongUsage(`${path}: ${error.message}. ${next}`);
    throw error;
  }
}

/** The lexicon of a file; undefined for the classes of COCO. */
export async function readLexicon(path: string | undefined): Promise<Lexicon | undefined> {
  if (path === undefined) return undefined;
  const text = await textFile(path);
  return fromFile(path, 'Write lines "class, synonym, synonym", or JSON {"class": ["synonym"]}.', () =>
    lexiconFrom(text),
  );
}

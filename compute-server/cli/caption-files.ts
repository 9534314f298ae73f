/** Files of captions and of what the images have (docs/hallucination.md), as the commands read them. */
import { InputError, isRow } from '../../protocol/inputs/faults';
import { lexiconFrom, type Lexicon } from '../../protocol/inputs/lexicon';
import { imageOfRow, truthForm, truthFrom, type WrittenTruth } from '../../protocol/inputs/truth';
import { wrongUsage } from './exit-codes';
import { jsonFile, textFile } from './text-files';

export interface CaptionRow {
  readonly image: string;
  readonly caption: string;
}

/** `{"image": "caption"}`, or a list of `{image, caption}`; an image may have several in the list. */
export async function readCaptions(path: string): Promise<CaptionRow[]> {
  const parsed = await jsonFile(path);
  const wrong = (what: string): Error =>
    wrongUsage(`${path}: ${what}. Write {"image.png": "caption"} or [{"image": "image.png", "caption": "…"}].`);
  if (isRow(parsed)) {
    return Object.entries(parsed).map(([image, caption]) => {
      if (typeof caption !== 'string') throw wrong(`the caption of "${image}" is not a text`);
      return { image, caption };
    });
  }
  if (!Array.isArray(parsed)) throw wrong('it is neither an object nor a list');
  return parsed.map((each, at) => {
    const row = isRow(each) ? each : {};
    const image = imageOfRow(row);
    const caption = row['caption'];
    if (image === undefined || typeof caption !== 'string') throw wrong(`entry ${at} has no image or no caption`);
    return { image, caption };
  });
}

export async function readTruth(path: string): Promise<Map<string, WrittenTruth>> {
  const parsed = await jsonFile(path);
  return fromFile(path, truthForm, () => truthFrom(parsed));
}

/** What is wrong with a file as a refusal that names it. */
function fromFile<T>(path: string, next: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw wrongUsage(`${path}: ${error.message}. ${next}`);
    throw error;
  }
}

/** The truth with captions by people joined to it. */
export function withReferences(
  truth: ReadonlyMap<string, WrittenTruth>,
  references: readonly CaptionRow[],
): Map<string, WrittenTruth> {
  const joined = new Map(truth);
  for (const { image, caption } of references) {
    const known = joined.get(image) ?? { objects: [], captions: [] };
    joined.set(image, { ...known, captions: [...known.captions, caption] });
  }
  return joined;
}

/** The lexicon of a file; undefined for the classes of COCO. */
export async function readLexicon(path: string | undefined): Promise<Lexicon | undefined> {
  if (path === undefined) return undefined;
  const text = await textFile(path);
  return fromFile(path, 'Write lines "class, synonym, synonym", or JSON {"class": ["synonym"]}.', () =>
    lexiconFrom(text),
  );
}

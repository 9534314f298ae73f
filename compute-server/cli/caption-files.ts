/** Files of captions and of what the images have (docs/hallucination.md), as the commands read them. */
import type { ImageTruth } from '../../diagnostics/hallucination/chair';
import { cocoLexicon } from '../../diagnostics/hallucination/coco-lexicon';
import { ObjectFinder, parseLexicon, type ObjectLexicon } from '../../diagnostics/hallucination/lexicon';
import { wrongUsage } from './exit-codes';
import { jsonFile, textFile } from './text-files';

export interface CaptionRow {
  readonly image: string;
  readonly caption: string;
}

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

const strings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** The image of a row: `image`, or `image_id` as COCO's result files have it. */
function imageOf(row: Readonly<Record<string, unknown>>): string | undefined {
  const image = row['image'] ?? row['image_id'];
  return typeof image === 'string' || typeof image === 'number' ? String(image) : undefined;
}

/** `{"image": "caption"}`, or a list of `{image, caption}`; an image may have several in the list. */
export async function readCaptions(path: string): Promise<CaptionRow[]> {
  const parsed = await jsonFile(path);
  const wrong = (what: string): Error =>
    wrongUsage(`${path}: ${what}. Write {"image.png": "caption"} or [{"image": "image.png", "caption": "…"}].`);
  const map = record(parsed);
  if (map) {
    return Object.entries(map).map(([image, caption]) => {
      if (typeof caption !== 'string') throw wrong(`the caption of "${image}" is no text`);
      return { image, caption };
    });
  }
  if (!Array.isArray(parsed)) throw wrong('it is neither an object nor a list');
  return parsed.map((each, at) => {
    const row = record(each);
    const image = row && imageOf(row);
    const caption = row?.['caption'];
    if (image === undefined || typeof caption !== 'string') throw wrong(`entry ${at} has no image or no caption`);
    return { image, caption };
  });
}

/** `{"image": ["object", …]}`, `{"image": {objects, captions}}`, or a list of `{image, objects, captions}`. */
export async function readTruth(path: string): Promise<Map<string, ImageTruth>> {
  const parsed = await jsonFile(path);
  const wrong = (what: string): Error =>
    wrongUsage(`${path}: ${what}. Write {"image.png": ["object", …]} or [{"image": "image.png", "objects": [ … ]}].`);
  const truthOf = (image: string, value: unknown): ImageTruth => {
    if (strings(value)) return { objects: value };
    const row = record(value);
    const objects = row?.['objects'] ?? [];
    const captions = row?.['captions'] ?? [];
    if (!row || !strings(objects) || !strings(captions)) throw wrong(`the objects of "${image}" are no list of texts`);
    return { objects, captions };
  };
  const map = record(parsed);
  if (map) return new Map(Object.entries(map).map(([image, value]) => [image, truthOf(image, value)]));
  if (!Array.isArray(parsed)) throw wrong('it is neither an object nor a list');
  return new Map(
    parsed.map((each, at) => {
      const row = record(each);
      const image = row && imageOf(row);
      if (image === undefined) throw wrong(`entry ${at} has no image`);
      return [image, truthOf(image, row)];
    }),
  );
}

/** The truth with captions by people joined to it. */
export function withReferences(
  truth: ReadonlyMap<string, ImageTruth>,
  references: readonly CaptionRow[],
): Map<string, ImageTruth> {
  const joined = new Map(truth);
  for (const { image, caption } of references) {
    const known = joined.get(image) ?? { objects: [] };
    joined.set(image, { ...known, captions: [...(known.captions ?? []), caption] });
  }
  return joined;
}

/** The lexicon of a file, or the classes of COCO; `request` is what a call of the compute server takes of it. */
export async function readLexicon(path: string | undefined): Promise<{
  readonly request: { readonly lexicon?: ObjectLexicon; readonly publishedNames?: boolean };
  readonly finder: ObjectFinder;
}> {
  if (path === undefined) return { request: {}, finder: new ObjectFinder(cocoLexicon) };
  try {
    const { lexicon, joinOwn } = parseLexicon(await textFile(path));
    return { request: { lexicon, publishedNames: !joinOwn }, finder: new ObjectFinder(lexicon, joinOwn) };
  } catch (error) {
    if (error instanceof RangeError) throw wrongUsage(`${path}: ${error.message}`);
    throw error;
  }
}

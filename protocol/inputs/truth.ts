/**
 * What images truly have, as a person writes it down (docs/hallucination.md): read by the command line and the extension from
 * their files. Every fault is one sentence that names the place.
 */
import * as v from 'valibot';
import type { Schema } from '../schema/check';
import {
  either,
  list,
  mostItems,
  number,
  object,
  optional,
  record,
  text,
  texts,
  type FieldsOutput,
} from '../schema/fields';
import { given, InputError, isRow, type Row } from './faults';

/** Pictures of a folder that a run takes where nobody says how many. */
export const defaultPictures = 20;

/** Labels of the instances in an image, and captions by people, in which objects are found as in any caption. */
export interface WrittenTruth {
  readonly objects: readonly string[];
  readonly captions: readonly string[];
}

/** A picture with what is known of it. */
export interface ImageWithTruth {
  readonly path: string;
  /** Labels of its objects. */
  readonly truth: readonly string[];
  /** Captions by people. */
  readonly references?: readonly string[];
}

export const truthForm = 'Write {"image.png": ["object", …]} or [{"image": "image.png", "objects": [ … ]}].';

/** The image of a row: `image`, or `image_id` as COCO's result files have it. */
function imageOfRow(row: Row): string | undefined {
  const image = row['image'] ?? row['image_id'];
  return typeof image === 'string' || typeof image === 'number' ? String(image) : undefined;
}

const lists = { objects: optional(texts), captions: optional(texts) };
type Entry = FieldsOutput<typeof lists>;

const saysSomething = v.check<Entry, string>(
  ({ objects, captions }) => (objects ?? captions) !== undefined,
  'an entry with objects or captions',
);

/** The objects alone, or objects and captions. */
const entry: Schema<Entry> = v.lazy((value) =>
  isRow(value)
    ? v.pipe(object(lists), saysSomething)
    : v.pipe(
        texts,
        v.transform((objects) => ({ objects })),
      ),
);

const image = either(text, number, 'a text or a number');

const row = v.pipe(
  object({ image: optional(image), image_id: optional(image), ...lists }),
  v.check((value) => imageOfRow({ ...value }) !== undefined, 'an entry with an image'),
  saysSomething,
  v.transform((value): readonly [string, Entry] => [imageOfRow({ ...value }) ?? '', value]),
);

const mostImages = { most: mostItems };

const entries: Schema<readonly (readonly [image: string, entry: Entry])[]> = v.lazy((value) =>
  Array.isArray(value)
    ? list(row, 'a list', mostImages)
    : v.pipe(
        record(entry, 'an object or a list', mostImages),
        v.transform((byImage) => Object.entries(byImage)),
      ),
);

/**
 * `{"image": ["object", …]}`, `{"image": {objects, captions}}`, or a list of `{image, objects, captions}`, in which several
 * rows of an image are united. A row says one of the two at least: an empty list means that nothing is there.
 */
export function truthFrom(value: unknown): Map<string, WrittenTruth> {
  const truth = new Map<string, WrittenTruth>();
  for (const [image, { objects = [], captions = [] }] of given(entries, value)) {
    const before = truth.get(image) ?? { objects: [], captions: [] };
    truth.set(image, {
      objects: [...new Set([...before.objects, ...objects])],
      captions: [...before.captions, ...captions],
    });
  }
  if (truth.size === 0) throw new InputError('it names no image');
  return truth;
}

export interface CaptionRow {
  readonly image: string;
  readonly caption: string;
}

/** `{"image": "caption"}`, or a list of `{image, caption}`; an image may have several in the list. */
export function captionsFrom(value: unknown): CaptionRow[] {
  if (isRow(value)) {
    return Object.entries(value).map(([image, caption]) => {
      if (typeof caption !== 'string') throw new InputError(`the caption of "${image}" is not a text`);
      return { image, caption };
    });
  }
  if (!Array.isArray(value)) throw new InputError('it is neither an object nor a list');
  return value.map((each, at) => {
    const row = isRow(each) ? each : {};
    const image = imageOfRow(row);
    const caption = row['caption'];
    if (image === undefined || typeof caption !== 'string') {
      throw new InputError(`entry ${at} has no image or no caption`);
    }
    return { image, caption };
  });
}

export const captionForm = 'Write {"image.png": "caption"} or [{"image": "image.png", "caption": "…"}].';

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

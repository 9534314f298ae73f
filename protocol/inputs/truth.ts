/**
 * What images truly have, as a person writes it down (docs/hallucination.md): read by the command line and the extension from
 * their files. Every fault is one sentence that names the place.
 */
import { InputError, isRow, isTexts, type Row } from './faults';

/** Pictures of a folder that a run takes where nobody says how many. */
export const defaultPictures = 20;

/** Labels of the instances in an image, and captions by people, in which objects are found as in any caption. */
export interface WrittenTruth {
  readonly objects: readonly string[];
  readonly captions: readonly string[];
}

export const truthForm = 'Write {"image.png": ["object", …]} or [{"image": "image.png", "objects": [ … ]}].';

/** The image of a row: `image`, or `image_id` as COCO's result files have it. */
export function imageOfRow(row: Row): string | undefined {
  const image = row['image'] ?? row['image_id'];
  return typeof image === 'string' || typeof image === 'number' ? String(image) : undefined;
}

/**
 * `{"image": ["object", …]}`, `{"image": {objects, captions}}`, or a list of `{image, objects, captions}`, in which several
 * rows of an image are united. A row says one of the two at least: an empty list means that nothing is there.
 */
export function truthFrom(value: unknown): Map<string, WrittenTruth> {
  const truth = new Map<string, WrittenTruth>();
  const add = (image: string, row: unknown): void => {
    const before = truth.get(image) ?? { objects: [], captions: [] };
    const { objects, captions } = truthOfRow(image, row);
    truth.set(image, {
      objects: [...new Set([...before.objects, ...objects])],
      captions: [...before.captions, ...captions],
    });
  };
  if (isRow(value)) {
    for (const [image, row] of Object.entries(value)) add(image, row);
  } else if (Array.isArray(value)) {
    for (const [at, row] of value.entries()) {
      const image = isRow(row) ? imageOfRow(row) : undefined;
      if (image === undefined) throw new InputError(`entry ${at} has no image`);
      add(image, row);
    }
  } else throw new InputError('it is neither an object nor a list');
  if (truth.size === 0) throw new InputError('it names no image');
  return truth;
}

function truthOfRow(image: string, value: unknown): WrittenTruth {
  if (isTexts(value)) return { objects: value, captions: [] };
  if (isRow(value) && value['objects'] === undefined && value['captions'] === undefined) {
    throw new InputError(`"${image}" has neither objects nor captions`);
  }
  const { objects = [], captions = [] } = isRow(value) ? value : { objects: value };
  if (!isTexts(objects)) throw new InputError(`the objects of "${image}" are no list of texts`);
  if (!isTexts(captions)) throw new InputError(`the captions of "${image}" are no list of texts`);
  return { objects, captions };
}

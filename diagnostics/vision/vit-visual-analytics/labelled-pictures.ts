/** Pictures with their classes, as a person keeps them: a folder for each class, or a file of labels. */
import * as v from 'valibot';
import { record, text } from '../../../protocol/schema/fields';
import { parseJsonText } from '../../../protocol/wire/json-text';
import { random, seedFor } from '../../../kernels/tensors/random';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { counted } from '../../../protocol/wire/number-words';

export interface LabelledPicture {
  readonly name: string;
  readonly path: string;
  readonly stamp: string;
  /** Name of the class. */
  readonly label: string;
}

export interface LabelledFolder {
  readonly pictures: readonly LabelledPicture[];
  /** Sentences on what was left out. */
  readonly notes: readonly string[];
}

/** Formats that are decoded. */
const picture = /\.(png|jpe?g|webp|bmp|gif|tiff?)$/i;

export async function labelledFolder(
  model: ModelRunner,
  given: { readonly folder: string; readonly samples: number; readonly labels: string; readonly seed: number },
): Promise<LabelledFolder> {
  const { folder, samples: count, labels, seed } = given;
  if (labels === '') {
    const { files } = await model.pictures({
      folder,
      subfolders: true,
      wanted: (name) => name.includes('/') && picture.test(name),
      count,
      seed,
    });
    if (files.length === 0) {
      throw refusal(
        `${folder} has no folders of pictures. Put the pictures of each class into a folder named as the class, or name a file of labels.`,
      );
    }
    return { pictures: files.map((file) => ({ ...file, label: file.name.split('/')[0] ?? '' })), notes: [] };
  }
  const known = readLabels(labels, await model.textFile(labels));
  const { files, of } = await model.pictures({
    folder,
    subfolders: true,
    wanted: (name) => known.has(name),
    count,
    seed,
  });
  if (files.length === 0) {
    throw refusal(`No picture of ${folder} is named in ${labels}. Its names are those of files, e.g. "cat/001.png".`);
  }
  const absent = known.size - of;
  return {
    pictures: files.map((file) => ({ ...file, label: known.get(file.name) ?? '' })),
    notes:
      absent > 0
        ? [`${counted(absent, 'picture', 'pictures')} of ${labels} ${absent === 1 ? 'is' : 'are'} not in ${folder}.`]
        : [],
  };
}

const jsonLabels = record(text, 'an object', { most: 2 ** 20 });

/** `{"picture": "class"}`, or lines `picture,class`; the last of two entries of one picture counts. */
export function readLabels(path: string, content: string): ReadonlyMap<string, string> {
  const next = 'Write {"picture.png": "class", …}, or a line "picture.png,class" for each picture.';
  if (content.trimStart().startsWith('{')) {
    const parsed = parseJsonText(content);
    if (!parsed.ok) throw refusal(`${path} is not valid JSON (${parsed.fault}). ${next}`);
    const read = v.safeParse(jsonLabels, parsed.value);
    if (!read.success) throw refusal(`${path} does not give each picture one class by name. ${next}`);
    return new Map(Object.entries(read.output));
  }
  const labels = new Map<string, string>();
  for (const [at, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const cut = line.lastIndexOf(',');
    const [name, label] = [line.slice(0, cut).trim(), line.slice(cut + 1).trim()];
    if (cut < 1 || label === '') throw refusal(`Line ${at + 1} of ${path} is not "picture,class". ${next}`);
    labels.set(name, label);
  }
  if (labels.size === 0) throw refusal(`${path} names no picture. ${next}`);
  return labels;
}

export interface Split<T> {
  /** What the probe is trained on; empty where the checkpoint names classes itself. */
  readonly probe: readonly T[];
  /** What heads are ranked on. */
  readonly ranking: readonly T[];
  /** What pruning is judged on. */
  readonly heldOut: readonly T[];
  /** Classes with too few pictures for all parts, which are left out. */
  readonly small: readonly string[];
}

/** Each class on its own in two or three parts of nearly the same size, in an order that the seed draws. */
export function splitByClass<T extends { readonly label: string }>(
  pictures: readonly T[],
  withProbe: boolean,
  seed: number,
): Split<T> {
  const parts = withProbe ? 3 : 2;
  const out: T[][] = [[], [], []];
  const small: string[] = [];
  for (const label of [...new Set(pictures.map((one) => one.label))].sort()) {
    const own = pictures.filter((one) => one.label === label);
    if (own.length < parts) {
      small.push(label);
      continue;
    }
    const source = random(seedFor(seed, `split of ${label}`));
    const order = own.map((one) => ({ one, at: source.uniform() })).sort((a, b) => a.at - b.at);
    order.forEach(({ one }, at) => out[(at % parts) + (withProbe ? 0 : 1)]?.push(one));
  }
  const inOrder = (of: readonly T[] = []): readonly T[] => {
    const those = new Set(of);
    return pictures.filter((one) => those.has(one));
  };
  return { probe: inOrder(out[0]), ranking: inOrder(out[1]), heldOut: inOrder(out[2]), small };
}

/** Files of what pictures hold and of the words for it, as analyses of sets of pictures read them; pictures that cannot be read. */
import { InputError } from '../../../protocol/inputs/faults';
import { lexiconFrom, type Lexicon } from '../../../protocol/inputs/lexicon';
import {
  captionForm,
  captionsFrom,
  truthForm,
  truthFrom,
  withReferences,
  type CaptionRow,
  type WrittenTruth,
} from '../../../protocol/inputs/truth';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import { parseJsonText } from '../../../protocol/wire/json-text';
import type { ModelRunner } from '../../model-runner/model-runner';

export interface TruthFiles {
  /** By name of the picture. */
  readonly truth: ReadonlyMap<string, WrittenTruth>;
  /** Absent: the classes of COCO. */
  readonly lexicon?: Lexicon;
}

/** A path that is empty names no file. Fails with a sentence that names the file and says what to write. */
export async function readTruthFiles(
  model: Pick<ModelRunner, 'textFile'>,
  {
    truth,
    lexicon,
    references = '',
  }: { readonly truth: string; readonly lexicon: string; readonly references?: string },
): Promise<TruthFiles> {
  const labelled = truth === '' ? new Map<string, WrittenTruth>() : truthOf(truth, await model.textFile(truth));
  const read =
    references === '' ? labelled : withReferences(labelled, captionsOf(references, await model.textFile(references)));
  return { truth: read, ...(lexicon === '' ? {} : { lexicon: lexiconOf(lexicon, await model.textFile(lexicon)) }) };
}

export const noneNamed = (folder: string, truth: string): FailureError =>
  refusal(`No image of ${folder} is named in ${truth}. Its keys are file names, e.g. "scene-000.png".`);

/** A picture that cannot be read is named, and the others go on. */
export async function orReason<T>(act: () => Promise<T>): Promise<{ readonly entry: T } | { readonly why: string }> {
  try {
    return { entry: await act() };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { failure } = error;
    if (failure.code !== 'bad-request' && failure.code !== 'unsupported') throw error;
    return { why: failure.detail };
  }
}

function truthOf(path: string, text: string): ReadonlyMap<string, WrittenTruth> {
  return fromFile(path, truthForm, () => truthFrom(jsonOf(text)));
}

function captionsOf(path: string, text: string): readonly CaptionRow[] {
  return fromFile(path, captionForm, () => captionsFrom(jsonOf(text)));
}

function jsonOf(text: string): unknown {
  const parsed = parseJsonText(text);
  if (!parsed.ok) throw new InputError(`it is not valid JSON (${parsed.fault})`);
  return parsed.value;
}

const lexiconOf = (path: string, text: string): Lexicon =>
  fromFile(path, 'Write lines "class, synonym, synonym", or JSON {"class": ["synonym"]}.', () => lexiconFrom(text));

function fromFile<T>(path: string, next: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw refusal(`${path}: ${error.message}. ${next}`);
    throw error;
  }
}

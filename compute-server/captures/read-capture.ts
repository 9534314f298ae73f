/** Captured tensors, opened: the description and the data beside it, held against each other before anything is drawn. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { resolveInside } from '../../models/formats/containment';
import { FileRefused, readRegular } from '../../models/formats/regular-file';
import { captureFaults, captureFile, type CaptureFile } from '../../protocol/captures/capture-file';
import { parseJson } from '../../protocol/schema/check';
import { FailureError } from '../../protocol/wire/failures';
import { readTensorFile } from '../tensor-file';
import { readMaps, type CapturedMaps } from './captured-maps';

/** What is read of captured tensors, whole. */
export interface Capture {
  /** Path of the description. */
  readonly path: string;
  readonly file: CaptureFile;
  /** SHA-256 over the description and the size and time of the data. */
  readonly hash: string;
  readonly bytes: number;
  readonly maps: CapturedMaps;
}

/** Bytes of a description. Tokens are most of it. */
const longestDescription = 16 * 2 ** 20;
/** Share of the memory limit that the data and its maps may take together. */
const dataShare = 0.5;

/** Changes with the files. */
export async function captureStamp(path: string): Promise<string> {
  const stamps = await Promise.all(
    [path, resolve(dirname(path), (await descriptionOf(path)).file.file)].map((each) =>
      stat(each).then(
        ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
        () => 'none',
      ),
    ),
  );
  return stamps.join(', ');
}

export async function readCapture(path: string, memoryLimit: number): Promise<Capture> {
  const refuse = refusing(path);
  const { text, file } = await descriptionOf(path);
  const [fault] = captureFaults(file, JSON.parse(text));
  if (fault) throw refuse(fault.message);
  const data = await resolveInside(dirname(path), file.file);
  if (!data.ok) {
    throw refuse(
      data.code === 'not-found'
        ? `There is no ${file.file} beside it. Put the file into the same folder.`
        : `${file.file} leads out of its folder, and is not read. Put the file itself there.`,
    );
  }
  const { size, mtimeMs } = await stat(data.path);
  const limitBytes = memoryLimit * dataShare;
  const tooLarge = (neededBytes: number): FailureError =>
    new FailureError({
      code: 'out-of-memory',
      neededBytes: Math.ceil(neededBytes / dataShare),
      limitBytes: memoryLimit,
    });
  if (size > limitBytes) throw tooLarge(size);
  // By the name that is given: a link may lead to one that says nothing of the form.
  const given = resolve(dirname(path), file.file);
  const tensors = await readTensorFile(given, limitBytes, (why) => refuse(`${file.file} cannot be read: ${why}`));
  const maps = readMaps(file, tensors, {
    refuse,
    requireRoom: (bytes) => {
      if (size + bytes > limitBytes) throw tooLarge(size + bytes);
    },
  });
  const hash = createHash('sha256').update(text).update(`${size} ${mtimeMs}`).digest('hex');
  return { path, file, hash, bytes: size, maps };
}

const refusing =
  (path: string) =>
  (detail: string): FailureError =>
    new FailureError({ code: 'model-unusable', folder: path, detail });

async function descriptionOf(path: string): Promise<{ readonly text: string; readonly file: CaptureFile }> {
  const refuse = refusing(path);
  try {
    const text = (await readRegular(path, longestDescription)).toString('utf8');
    const parsed = parseJson(captureFile, text);
    if (!parsed.ok) throw refuse(`It describes no captured tensors: ${parsed.why} See docs/captured-tensors.md.`);
    return { text, file: parsed.result };
  } catch (error) {
    if (error instanceof FileRefused) throw refuse(error.message);
    throw error;
  }
}

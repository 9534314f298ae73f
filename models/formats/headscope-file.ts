import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseConfig } from './config/parse-config';
import { isObject, type JsonObject } from './config/config-reader';
import { FileRefused, readRegular } from './regular-file';

/** What a repository of models says to Headscope: severities, a baseline, families of its own. */
export const headscopeFileName = '.headscope.json';

const largest = 1_000_000;
/** Folders above the first that are looked at. */
const mostLevels = 12;

export type HeadscopeFile =
  | { readonly ok: true; readonly path: string; readonly value: JsonObject }
  /** A file is there and cannot be used; `message` is a sentence. */
  | { readonly ok: false; readonly path: string; readonly message: string };

/**
 * The `.headscope.json` that counts for a folder: the nearest one in it or above it, at most up to the root of its git
 * repository. Undefined where there is none.
 */
export async function findHeadscopeFile(folder: string): Promise<HeadscopeFile | undefined> {
  let at = resolve(folder);
  for (let level = 0; level <= mostLevels; level++) {
    const path = join(at, headscopeFileName);
    const read = await readOne(path);
    if (read !== undefined) return read;
    const above = dirname(at);
    if (above === at || (await exists(join(at, '.git')))) return undefined;
    at = above;
  }
  return undefined;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function readOne(path: string): Promise<HeadscopeFile | undefined> {
  let text: string;
  try {
    text = (await readRegular(path, largest)).toString('utf8');
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    return error.code === 'not-found' ? undefined : { ok: false, path, message: error.message };
  }
  const parsed = parseConfig(text);
  if (!parsed.ok) return { ok: false, path, message: parsed.message };
  return isObject(parsed.value)
    ? { ok: true, path, value: parsed.value }
    : { ok: false, path, message: 'It holds no JSON object.' };
}

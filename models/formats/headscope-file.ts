import { realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseConfig } from './config/parse-config';
import { isObject, type JsonObject } from './config/config-reader';
import { FileRefused, readRegular } from './regular-file';
import { inside } from './containment';

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

/**
 * The real path of a file that the repository of a folder brings along; undefined where a link leads out of the repository,
 * whose writer may not read what is there and would see it quoted in the log of a check. Without a git repository the folder
 * itself is the border.
 */
export async function insideRepository(folder: string, path: string): Promise<string | undefined> {
  const real = await realpath(path);
  return inside(await realpath(await rootOf(folder)), real) ? real : undefined;
}

async function rootOf(folder: string): Promise<string> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (await exists(join(at, '.git'))) return at;
    if (dirname(at) === at) return folder;
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function readOne(path: string): Promise<HeadscopeFile | undefined> {
  let text: string;
  try {
    const real = await insideRepository(dirname(path), path).catch(() => path);
    if (real === undefined) return { ok: false, path, message: 'It is a link out of the repository and is not read.' };
    text = (await readRegular(real, largest)).toString('utf8');
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

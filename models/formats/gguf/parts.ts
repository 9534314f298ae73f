/** Names of the parts of a split model. */
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { resolveInside } from '../containment';
import { isOllamaManifest, nameInOllama } from './ollama';

/** The largest published models are in some fifty parts. */
export const mostParts = 512;

const partName = /^(?<name>.+)-(?<part>\d{5})-of-(?<parts>\d{5})\.gguf$/;

/**
 * The parts of a model that is split as llama.cpp does it, by their names; a whole file is its only part. Undefined where
 * there are more than any model has.
 */
export function partsOf(file: string): readonly string[] | undefined {
  const { name, parts } = partName.exec(file)?.groups ?? {};
  if (name === undefined || parts === undefined) return [file];
  const count = Number(parts);
  if (count > mostParts) return undefined;
  return Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(5, '0')}-of-${parts}.gguf`);
}

/** True of a second or later part: the first stands for the model. */
export const isLaterPart = (file: string): boolean => {
  const part = partName.exec(file)?.groups?.['part'];
  return part !== undefined && Number(part) > 1;
};

/** The name of a model, from its file or one of its parts; undefined for a file that is named by its hash. */
export function nameOfGguf(path: string): string | undefined {
  if (isOllamaManifest(path)) return nameInOllama(path);
  const file = basename(path);
  const whole = partName.exec(file)?.groups?.['name'] ?? /^(.+)\.gguf$/.exec(file)?.[1];
  return whole;
}

/**
 * The file to read for one that a person named: a link is followed wherever it leads, as people keep large files on another disk. A link
 * that was only found in a folder is not: it is followed inside the folder, and into the blobs of a Hugging Face cache.
 */
export async function namedGguf(path: string): Promise<string> {
  if (isOllamaManifest(path)) return path;
  const place = await resolveInside(dirname(path), basename(path));
  if (place.ok || place.code === 'not-found') return path;
  return realpath(path).catch(() => path);
}

/** Files beside a model that hold what reads pictures or sound for it. */
export async function towersBeside(path: string): Promise<readonly string[]> {
  if (isOllamaManifest(path)) return [];
  const own = basename(path);
  const names = await readdir(dirname(path)).catch((): string[] => []);
  return names.filter((name) => name !== own && isTower(name)).toSorted();
}

/** By the name that llama.cpp gives them. */
export const isTower = (file: string): boolean => /mmproj/i.test(file) && file.endsWith('.gguf');

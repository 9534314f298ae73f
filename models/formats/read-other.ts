/** Models that are no folder with a config.json, by the names of their files. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { AdapterBase } from './adapter/describe-adapter';
import { lastName } from './adapter/describe-adapter';
import { adapterFile, readAdapter } from './read-adapter';
import { isOllamaManifest } from './gguf/ollama';
import { isLaterPart, isTower } from './gguf/parts';
import { readGgufModel } from './gguf/other-gguf';
import { readOnnxModel } from './onnx/describe-onnx';
import type { OtherModel, ReadOther } from './other-model';

/** By the name alone; undefined for any other file. */
export function otherKind(path: string): OtherModel['kind'] | undefined {
  if (path.endsWith('.gguf') || isOllamaManifest(path)) return 'gguf';
  if (path.endsWith('.onnx')) return 'onnx';
  return basename(path) === adapterFile ? 'adapter' : undefined;
}

/** What the file is; `base` is the model of an adapter, where it was found. */
export async function readOther(path: string, base?: AdapterBase): Promise<ReadOther> {
  switch (otherKind(path)) {
    case 'gguf':
      return readGgufModel(path);
    case 'onnx':
      return readOnnxModel(path);
    case 'adapter':
      return readAdapter(path, base);
    case undefined:
      return { ok: false, message: `${basename(path)} is neither a .gguf nor an .onnx file nor an ${adapterFile}.` };
  }
}

export type OtherPath =
  | { readonly kind: 'other'; readonly path: string }
  /** A config.json, or nothing that is known here. */
  | { readonly kind: 'config' }
  | { readonly kind: 'several'; readonly message: string };

/** Names of a folder that are looked at. */
const mostNamed = 8;

/** Which file a path stands for: the file itself, or the one model of a folder that has no config.json. */
export async function findOther(path: string): Promise<OtherPath> {
  const about = await stat(path).catch(() => undefined);
  if (about?.isDirectory() !== true)
    return otherKind(path) === undefined ? { kind: 'config' } : { kind: 'other', path };
  const entries = await readdir(path).catch((): string[] => []);
  if (entries.includes('config.json')) return { kind: 'config' };
  if (entries.includes(adapterFile)) return { kind: 'other', path: join(path, adapterFile) };
  const inner = entries.includes('onnx') ? await readdir(join(path, 'onnx')).catch((): string[] => []) : [];
  const graphs = [...entries, ...inner.map((name) => join('onnx', name))].filter((name) => name.endsWith('.onnx'));
  const files = entries.filter((name) => name.endsWith('.gguf') && !isLaterPart(name));
  // What sees lies in a file of its own beside the language model.
  const models = files.filter((name) => !isTower(name));
  const found = (models.length > 0 ? models : files.length > 0 ? files : graphs).toSorted();
  const [only] = found;
  if (only === undefined) return { kind: 'config' };
  if (found.length === 1) return { kind: 'other', path: join(path, only) };
  const named = found.slice(0, mostNamed).join(', ');
  const more = found.length > mostNamed ? ` and ${found.length - mostNamed} more` : '';
  return { kind: 'several', message: `${path} holds several models: name one of ${named}${more}.` };
}

/** Where the base model of an adapter is looked for: in a folder of its name beside the adapter's. Its path is not followed. */
export const folderOfBase = (path: string, base: string): string =>
  join(dirname(dirname(resolve(path))), lastName(base));

/**
 * Dictionaries of features on the disk: a folder, or its file of tensors, with cfg.json beside it, or what Gemma Scope has in its place.
 * Pickles are not opened.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Dictionary } from '../../models/dictionaries/dictionary';
import { settingsOfConfig, settingsOfFolders, settingsToWrite } from '../../models/dictionaries/gemma-scope';
import { readDictionary } from '../../models/dictionaries/read-dictionary';
import { FileRefused, readRegular } from '../../models/formats/regular-file';
import { refusal } from '../../protocol/wire/failures';
import { parseJsonText } from '../../protocol/wire/json-text';
import { whyUnread } from '../../protocol/wire/unread';
import { readTensorFile } from '../tensor-file';

/** Share of the memory limit that the file of a dictionary may take. */
export const dictionaryShare = 0.25;

/** Bytes of cfg.json, or of config.json of Gemma Scope 2. */
const longestSettings = 2 ** 20;
/** What is taken of a folder with several files, first one first. */
const usual = ['sae_weights.safetensors', 'params.npz', 'params.safetensors'];
const isTensors = (name: string): boolean => /\.(?:safetensors|npz)$/u.test(name) && !/sparsity/u.test(name);
const isPickle = (name: string): boolean => /\.(?:pt|pth|pkl|bin|ckpt)$/u.test(name);

/** The one read last, while something else holds it or memory is at hand: a slider asks for it with every move. */
let last: { readonly stamp: string; readonly dictionary: WeakRef<Dictionary> } | undefined;

/** Changes with the files; empty where there are none. */
export async function dictionaryStamp(path: string): Promise<string> {
  try {
    return await stampsOf(await tensorFileOf(path, refusal));
  } catch {
    return '';
  }
}

async function stampsOf(file: string): Promise<string> {
  const stamps = [file, ...['cfg.json', 'config.json'].map((name) => join(dirname(file), name))].map((each) =>
    stat(each).then(
      ({ size, mtimeMs }) => `${each} ${size}.${mtimeMs}`,
      () => each,
    ),
  );
  return (await Promise.all(stamps)).join(', ');
}

/** Fails with a sentence. `limitBytes`: for its file, and again for its tensors. */
export async function dictionaryAt(path: string, limitBytes: number): Promise<Dictionary> {
  const refuse = (why: string) => refusal(`${path} gives no dictionary: ${why}`);
  if (path.trim() === '')
    throw refusal('Name a dictionary: a folder of SAELens, or a .safetensors or .npz file with a cfg.json beside it.');
  const file = await tensorFileOf(path, refuse);
  const stamp = await stampsOf(file);
  const kept = last?.stamp === stamp ? last.dictionary.deref() : undefined;
  if (kept) return kept;
  const tensors = await readTensorFile(file, limitBytes, refuse);
  const dictionary = readDictionary(await settingsBeside(file, refuse), tensors);
  if (typeof dictionary === 'string') throw refuse(dictionary);
  last = { stamp, dictionary: new WeakRef(dictionary) };
  return dictionary;
}

async function tensorFileOf(path: string, refuse: (why: string) => Error): Promise<string> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? (await readdir(path)).sort() : [basename(path)];
    const folder = isFolder ? path : dirname(path);
    const found = names.filter(isTensors);
    const chosen = usual.find((name) => found.includes(name)) ?? found[0];
    if (chosen !== undefined && (found.length === 1 || usual.includes(chosen))) return join(folder, chosen);
    if (found.length > 1) throw refuse(`the folder holds ${found.join(', ')}. Name one of the files.`);
    const pickle = names.find(isPickle);
    throw refuse(
      pickle === undefined
        ? 'there is no .safetensors or .npz file. Name the folder that SAELens saved, or the file itself.'
        : `${pickle} is a pickle, which can run code when it is read, so it is not opened. Save its tensors in Python: from safetensors.torch import save_file; save_file(dict(torch.load("${pickle}", map_location="cpu", weights_only=True)), "sae_weights.safetensors")`,
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'syscall' in error)
      throw refuse(`it cannot be read: ${whyUnread(error)}. Check the path.`);
    throw error;
  }
}

async function settingsBeside(file: string, refuse: (why: string) => Error): Promise<unknown> {
  const saved = await jsonBeside(file, 'cfg.json', refuse);
  if (saved !== undefined) return saved;
  const folders = dirname(resolve(file)).split(/[\\/]/u);
  const settings =
    settingsOfConfig(await jsonBeside(file, 'config.json', refuse)) ??
    (basename(file) === 'params.npz' ? settingsOfFolders(folders) : undefined);
  if (settings) return settings;
  throw refuse(
    `there is no cfg.json beside ${basename(file)} that says what it is. Write one, for Gemma Scope ${settingsToWrite(folders)}. Folders named as those of Gemma Scope need none: gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71.`,
  );
}

/** Undefined where there is no such file. */
async function jsonBeside(file: string, name: string, refuse: (why: string) => Error): Promise<unknown> {
  try {
    const text = (await readRegular(join(dirname(file), name), longestSettings)).toString('utf8');
    const parsed = parseJsonText(text);
    if (parsed.ok) return parsed.value;
    throw refuse(`${name} is not valid JSON (${parsed.fault}).`);
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    if (error.code === 'not-found') return undefined;
    throw refuse(`${name}: ${error.message}`);
  }
}

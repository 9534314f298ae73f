import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Published configs beside the project; a checkout without them runs the project's own files alone. */
export const corpus = process.env['HEADSCOPE_CORPUS'] ?? resolve('..', 'shared', 'corpus');

/** A folder a model, `family--name`; none where the corpus is not there. */
export const corpusFolders: readonly string[] = existsSync(corpus)
  ? readdirSync(corpus, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  : [];

/** Folders whose JSON no class of transformers or diffusers reads, by what reads it: nothing is said of them unasked. */
export const otherPrograms: ReadonlyMap<string, string> = new Map([
  ['deepseek_ref--DeepSeek-V3.2-Exp-671B', "DeepSeek's inference code"],
  ['kokoro--kokoro-axera', "Kokoro's own loader"],
  ['research--cs336-assignment-1', 'a training script'],
  ['research-comments--mozilla-TTS-tacotron2', 'Mozilla TTS, which allows comments'],
]);

/** Folders with a `config.json` of a model that is read. */
export const corpusModels: readonly string[] = corpusFolders.filter(
  (name) => existsSync(join(corpus, name, 'config.json')) && !otherPrograms.has(name),
);

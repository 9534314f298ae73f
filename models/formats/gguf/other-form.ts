/** GGUF files in the folder of the safetensors that they were converted from. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mainPart, type ModelDescription, type ModelPart } from '../model-description';
import { openGguf } from './checkpoint';
import { readGgufModel } from './other-gguf';
import { isLaterPart, isTower } from './parts';

/** Sizes that no conversion changes. */
const sizes = ({ hiddenSize, heads, kvHeads, headDim, layers }: ModelPart): readonly number[] => [
  ...[hiddenSize, heads, kvHeads, headDim],
  layers.length,
];

/** As it runs, else as its header describes it. */
async function heldBy(path: string): Promise<ModelDescription | undefined> {
  const opened = await openGguf(path, { tokenizer: false });
  if (opened.ok) return opened.gguf.description;
  const read = await readGgufModel(path);
  return read.ok ? read.model.description : undefined;
}

/** Whether a GGUF file may hold the model of a config: their text parts are of the same sizes. A draft model has others. */
export async function isFormOf(path: string, config: ModelDescription): Promise<boolean> {
  const held = await heldBy(path);
  const [one, other] = [held && mainPart(held), mainPart(config)].map((part) => part && sizes(part));
  return one !== undefined && other !== undefined && one.every((size, at) => size === other[at]);
}

/** Files that are read of a folder. */
const mostRead = 32;

/** The GGUF files of a folder that hold the model of its config, with what they are (`GGUF Q4_K_M`). */
export async function formsIn(
  folder: string,
  config: ModelDescription,
): Promise<readonly { readonly file: string; readonly title: string }[]> {
  const names = (await readdir(folder).catch((): string[] => [])).toSorted();
  const files = names.filter((name) => name.endsWith('.gguf') && !isLaterPart(name) && !isTower(name));
  const read = await Promise.all(
    files.slice(0, mostRead).map(async (file) => {
      const found = await readGgufModel(join(folder, file));
      if (!found.ok || !(await isFormOf(join(folder, file), config))) return [];
      return [{ file, title: found.model.title }];
    }),
  );
  return read.flat();
}

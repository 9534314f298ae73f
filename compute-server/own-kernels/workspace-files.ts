/** Which files of a workspace a kernel, an analysis or a task may be made of. Nothing beside weights is run, and nothing outside the workspace is read. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { isOwnExport } from '../../files/output';
import { kernelEnding } from '../../protocol/inputs/kernel-file';

const weights = /\.(safetensors|gguf|onnx|pt|pth|bin|npz|ckpt|h5)$/iu;
const mostBytes = 1_000_000;

/** The text of a kernel file. */
export const kernelSource = (file: string, root: string): Promise<string> => ownSource(file, root, kernelEnding);

/** The text of a file of a person's own, whose name has to end so. */
export async function ownSource(file: string, root: string, ending: string): Promise<string> {
  if (!file.endsWith(ending)) {
    throw new Error(`Such a file ends in ${ending}, and ${basename(file)} does not. Rename it.`);
  }
  return textOf(file, root);
}

/** The file that `specifier` names in the file `from`. */
export async function importedFile(
  specifier: string,
  from: string,
  root: string,
): Promise<{ readonly file: string; readonly source: string }> {
  const named = join(dirname(from), specifier);
  const tried = [named, `${named}.ts`, named.replace(/\.js$/u, '.ts'), join(named, 'index.ts')];
  for (const file of tried) {
    if (/\.[cm]?[jt]s$/u.test(file) && (await isFile(file))) return { file, source: await textOf(file, root) };
  }
  throw new Error(`"${specifier}" was not found beside the file. Name a .ts file of the workspace.`);
}

async function textOf(file: string, root: string): Promise<string> {
  const real = await realpath(file).catch(() => undefined);
  if (real === undefined) throw new Error(`There is no ${file}. Check the path.`);
  const within = await realpath(root);
  const path = relative(within, real);
  if (path.startsWith('..') || isAbsolute(path)) {
    throw new Error(`${basename(file)} lies outside the folder ${root}. Only files of the workspace are run.`);
  }
  const beside = await readdir(dirname(real));
  for (const weight of beside.filter((name) => weights.test(name))) {
    if (await isOwnExport(join(dirname(real), weight))) continue;
    throw new Error(`It was not run: its folder holds weights (${weight}). Move it to a folder of its own.`);
  }
  const { size } = await stat(real);
  if (size > mostBytes) throw new Error(`${basename(file)} is larger than 1 MB and was not run.`);
  return readFile(real, 'utf8');
}

const isFile = (file: string): Promise<boolean> =>
  stat(file).then(
    (found) => found.isFile(),
    () => false,
  );

/**
 * The types of what own files import as `headscope`, laid into a folder of the workspace. Own files name them in a reference line,
 * so that every program of TypeScript finds them without a setting.
 */
import { lstat, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, posix, relative, sep } from 'node:path';
import { writeInOneStep } from '../../files/write-file';

/** The first words of the file (build/own-types.mjs); one that begins otherwise is another's. */
const mark = '// Types of "headscope", written by the Headscope extension';
const folder = ['.headscope', 'types'] as const;
const ignored = '# Types that Headscope writes anew; git leaves them out.\n*\n';

const typesFile = (root: string): string => join(root, ...folder, 'headscope.d.ts');

/** The first line of an own file, which says where its types are. */
export function referenceLine(file: string, root: string): string {
  const path = relative(dirname(file), typesFile(root)).split(sep).join(posix.sep);
  return `/// <reference path="${path.startsWith('../') ? path : `./${path}`}" />\n`;
}

/** Writes the types where they are missing or of another version: true. Throws an Error that says why they cannot be written. */
export async function layTypes(root: string, types: string): Promise<boolean> {
  for (let depth = 1; depth <= folder.length; depth++) {
    const path = join(root, ...folder.slice(0, depth));
    const about = await lstat(path).catch(() => undefined);
    if (about !== undefined && !about.isDirectory()) {
      throw new Error(`The types of "headscope" were not written: ${path} is no folder. Rename it, and save again.`);
    }
  }
  const file = typesFile(root);
  const about = await lstat(file).catch(() => undefined);
  const there = about === undefined ? undefined : about.isFile() ? await readFile(file, 'utf8') : '';
  if (there === types) return false;
  if (there !== undefined && !there.startsWith(mark)) {
    throw new Error(
      `The types of "headscope" were not written: ${file} is not Headscope's. Rename it, and save again.`,
    );
  }
  await mkdir(dirname(file), { recursive: true });
  const gitignore = join(dirname(file), '.gitignore');
  if ((await lstat(gitignore).catch(() => undefined)) === undefined) await writeInOneStep(gitignore, ignored);
  await writeInOneStep(file, types);
  return true;
}

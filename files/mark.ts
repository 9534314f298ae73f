/**
 * The mark of folders that Headscope deletes from: a `CACHEDIR.TAG` (https://bford.info/cachedir/), which backup programs know, with a
 * line that no other program writes.
 */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const markFile = 'CACHEDIR.TAG';

const tag = (line: string): string => `Signature: 8a477f597d28d172789f06886806bc55\n# ${line}\n`;

export const ownMark = tag(
  'Headscope keeps here what saves it work, and deletes what it has kept. Delete the folder to free its space.',
);
export const temporaryMark = tag('Headscope made this temporary folder, and deletes it.');

/** Whether a folder carries the mark. */
export async function isMarked(folder: string): Promise<boolean> {
  const path = join(folder, markFile);
  try {
    const about = await lstat(path);
    return about.isFile() && about.size === Buffer.byteLength(ownMark) && (await readFile(path, 'utf8')) === ownMark;
  } catch {
    return false;
  }
}

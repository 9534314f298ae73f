import { opendir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { FileRefused, openRegular, readBytes } from '../../models/formats/regular-file';
import { kindByName } from '../service/file-kind';
import { longestText } from '../service/json-document';
import { containedPath } from '../workspace/folder-reader';

/** Folders inside one another that are looked into; no path of a file system is longer. */
const deepestFolder = 500;
const mostFiles = 50_000;
/** As much of a large file as is looked at to see whether it is a model file: those name their kind at the top. */
const looked = 64 * 1024;
const telling =
  /"(?:model_type|architectures|num_attention_heads|n_head|hidden_size|d_model|weight_map|peft_type)"\s*:/;

export interface FileToCheck {
  readonly path: string;
  /** What to read: the path itself, or the target of a link. */
  readonly source: string;
  /** It was given on the command line itself. */
  readonly named: boolean;
}

/** A file to check, or what is not checked, with the reason as sentences about it. */
export type Found = FileToCheck | { readonly path: string; readonly reason: string };

export interface FoundFiles {
  readonly found: readonly Found[];
  /** JSON files that were looked at from outside alone and are none of ours. */
  readonly others: number;
}

const reasonOf = (error: unknown): string =>
  error instanceof FileRefused
    ? error.message
    : `It may not be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`;

const isOurs = (name: string): boolean => name.endsWith('.onnx') || kindByName(name) !== undefined;

/** Whether a file that is too large to be read looks like one of ours. */
const looksLikeOurs = async (file: string): Promise<boolean> => {
  const { handle } = await openRegular(file);
  try {
    return telling.test((await readBytes(handle, looked)).toString('latin1'));
  } finally {
    await handle.close();
  }
};

/**
 * The JSON files and graphs of a path, in the order of their names: the file itself, or everything below a folder. What cannot
 * be checked is found too, and says why. Hidden folders and node_modules are left out. Throws when nothing is there.
 */
export const findModelFiles = async (start: string): Promise<FoundFiles> => {
  const about = await stat(start);
  if (about.isFile()) return { found: [{ path: start, source: start, named: true }], others: 0 };
  const found: Found[] = [];
  let others = 0;
  if (!about.isDirectory()) {
    const reason = await openRegular(start).then(async ({ handle }) => {
      await handle.close();
      return 'It is not a regular file.';
    }, reasonOf);
    return { found: [{ path: start, reason }], others };
  }
  const root = await realpath(start);

  /** A file below the start; a link may lead to it. */
  const lookAt = async (file: string): Promise<void> => {
    const name = path.basename(file);
    try {
      const status = await stat(file).catch((error: unknown) => {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT') throw new FileRefused('not-found', 'It is a link, and nothing is where it leads.');
        if (code === 'ELOOP') throw new FileRefused('unreadable', 'It is a link to itself.');
        throw error;
      });
      if (status.isDirectory()) {
        if (isOurs(name)) throw new FileRefused('not-a-file', 'It is a folder, no regular file.');
        return;
      }
      const source = await containedPath(path.dirname(path.resolve(file)), name);
      if (source === undefined) {
        throw new FileRefused('unreadable', 'It is a link out of the folder. Give its own path to have it checked.');
      }
      if (!status.isFile()) await openRegular(source);
      const isTooLarge = status.size > longestText && !name.endsWith('.onnx');
      if (!isTooLarge) found.push({ path: file, source, named: false });
      else if (isOurs(name) || (await looksLikeOurs(source))) {
        throw new FileRefused('too-large', `It has ${status.size} bytes, and at most ${longestText} are read.`);
      } else others += 1;
    } catch (error) {
      found.push({ path: file, reason: reasonOf(error) });
    }
  };

  /** A link to a folder: what is inside the start is visited in its own place. */
  const lookAtLink = async (link: string): Promise<void> => {
    const target = await realpath(link);
    if (target === root || target.startsWith(`${root}${path.sep}`)) return;
    found.push({ path: link, reason: 'It is a link to a folder elsewhere. Name that folder to have it checked.' });
  };

  const visit = async (folder: string, depth: number): Promise<void> => {
    const folders: string[] = [];
    const files: string[] = [];
    const links: string[] = [];
    try {
      for await (const entry of await opendir(folder)) {
        const full = path.join(folder, entry.name);
        if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules') folders.push(full);
        if (/\.(json|onnx)$/.test(entry.name) && (!entry.isDirectory() || isOurs(entry.name))) files.push(full);
        else if (entry.isSymbolicLink() && !entry.name.startsWith('.')) links.push(full);
      }
    } catch (error) {
      found.push({ path: folder, reason: reasonOf(error) });
      return;
    }
    for (const file of files.sort()) {
      if (found.length >= mostFiles) return;
      await lookAt(file);
    }
    for (const link of links.sort())
      if ((await stat(link).catch(() => undefined))?.isDirectory() === true) await lookAtLink(link);
    for (const inner of folders.sort()) {
      if (depth < deepestFolder) await visit(inner, depth + 1);
      else
        found.push({
          path: inner,
          reason: `It is more than ${deepestFolder} folders deep. Give its own path to have it checked.`,
        });
    }
  };
  await visit(start, 0);
  if (found.length >= mostFiles) {
    const reason = `More than ${mostFiles} JSON files and graphs are below it, and the others are not checked. Give folders inside it.`;
    found.push({ path: start, reason });
  }
  return { found, others };
};

import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { isCodeFile, type OwnFilePlace } from '../../protocol/inputs/own-file';

/** The folder whose files a file of a person's own may import: the current one, or that of a file that lies outside it. */
export function workspaceOf(file: string): string {
  const here = process.cwd();
  const within = relative(here, file);
  return within.startsWith('..') || isAbsolute(within) ? dirname(file) : here;
}

/** An analysis or a task file that is named; undefined of an id, or of a file of data. */
export function codeFileOf(name: string): OwnFilePlace | undefined {
  if (!isCodeFile(name)) return undefined;
  const file = resolve(name);
  return { file, root: workspaceOf(file) };
}

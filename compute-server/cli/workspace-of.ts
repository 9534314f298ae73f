import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { OwnFilePlace } from '../../protocol/inputs/own-file';

/** The folder whose files a file of a person's own may import: the current one, or that of a file that lies outside it. */
export function workspaceOf(file: string): string {
  const here = process.cwd();
  const within = relative(here, file);
  return within.startsWith('..') || isAbsolute(within) ? dirname(file) : here;
}

/** An analysis file is named by its path; any other name is an id. */
export const isCodeFile = (name: string): boolean => /\.[cm]?[jt]s$/iu.test(name);

export function analysisFileOf(name: string): OwnFilePlace | undefined {
  if (!isCodeFile(name)) return undefined;
  const file = resolve(name);
  return { file, root: workspaceOf(file) };
}

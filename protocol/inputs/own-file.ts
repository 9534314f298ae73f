/** Names of analysis and task files. */
import { filledText, object } from '../schema/fields';
import type { Output } from '../schema/check';

export const analysisEnding = '.headscope-analysis.ts';
export const taskEnding = '.headscope-task.ts';

/** Code is named by its path; any other name of an analysis or a task is an id, or a file of data. */
export const isCodeFile = (name: string): boolean => /\.[cm]?[jt]s$/iu.test(name);

/** The name of an analysis file among analyses: `own:` and the file's name without its ending. */
export const ownAnalysisName = (file: string): string =>
  `own:${(file.split(/[\\/]/u).at(-1) ?? file).replace(analysisEnding, '')}`;

export const isOwnAnalysis = (id: string): boolean => id.startsWith('own:');

/** A file of a workspace whose code is run in a process of its own; nothing outside `root` is read. */
export const ownFile = object({ file: filledText, root: filledText });
export type OwnFilePlace = Output<typeof ownFile>;

/** In a result: the file, and the SHA-256 of its text with those that it imports. */
export const ownFileRead = object({ path: filledText, sha256: filledText });
export type OwnFileRead = Output<typeof ownFileRead>;

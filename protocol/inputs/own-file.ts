/** Names of analysis and task files. */
import { filledText, object } from '../schema/fields';
import type { Output } from '../schema/check';

export const analysisEnding = '.headscope-analysis.ts';

/** The name of an analysis file among analyses: `own:` and the file's name without its ending. */
export const ownAnalysisName = (file: string): string =>
  `own:${(file.split(/[\\/]/u).at(-1) ?? file).replace(analysisEnding, '')}`;

/** A file of a workspace whose code is run in a process of its own; nothing outside `root` is read. */
export const ownFile = object({ file: filledText, root: filledText });
export type OwnFilePlace = Output<typeof ownFile>;

/** How a cell becomes a command of the command line. */
import type { CellSettings } from '../../protocol/sweeps/sweep-file';

export interface CellProgram {
  /** As in the sweep. */
  readonly run: string;
  /** It keeps finished steps in a folder (`--resume`) and continues after them. */
  readonly resumes: boolean;
  /** The setting of the folder that it writes, besides its result. */
  readonly writes?: string;
  /** Whether the command has a setting of this name. */
  takes(setting: string): boolean;
  /** Arguments of `headscope`; `further`: options that no cell sets, such as the place of the result. */
  words(settings: CellSettings, further: readonly string[]): readonly string[];
  /** Settings that name files or folders, with their paths as they are written. */
  paths(settings: CellSettings): readonly (readonly [name: string, path: string])[];
  /** What is wrong with a value of a setting, as a sentence; undefined where nothing is. */
  fault(name: string, value: CellSettings[string]): string | undefined;
}

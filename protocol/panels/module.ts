/** Messages of the extension to the editor of a saved run of a module. */
import type { ModuleResult } from '../results/module-schema';
import type { OpenedFile } from './opened-file';

export type ToModulePanel = OpenedFile<ModuleResult>;

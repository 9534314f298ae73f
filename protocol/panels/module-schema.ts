/** Messages of the editor of a saved run of a module to the extension. */
import type { Output } from '../schema/check';
import { byKind } from '../schema/fields';
import { fromResultPanel } from './messages';

export const fromModulePanel = byKind(fromResultPanel);
export type FromModulePanel = Output<typeof fromModulePanel>;

/** Messages of the editor of a saved run of a module to the extension. */
import type { Schema } from '../schema/check';
import { byKind } from '../schema/fields';
import { copied, exported } from './messages';
import type { FromModulePanel } from './module';

export const fromModulePanel: Schema<FromModulePanel> = byKind<FromModulePanel>({
  ready: {},
  compare: {},
  stopComparing: {},
  export: exported,
  copy: copied,
});

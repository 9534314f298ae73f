/** The extension's half of the editor of a saved run of a module. It only reads, so it works in an untrusted workspace. */
import type { ToModulePanel } from '../../../protocol/panels/module';
import { fromModulePanel } from '../../../protocol/panels/module-schema';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { ShownFileHost } from '../file-host';

export class ModuleFileHost extends ShownFileHost<ModuleResult, ToModulePanel> {
  protected override readonly messages = fromModulePanel;

  protected override opening(opened: ToModulePanel): ToModulePanel {
    return opened;
  }
}

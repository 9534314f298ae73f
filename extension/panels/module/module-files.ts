/** The editors of saved runs of modules in this window. */
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { chooseOther } from '../choose-other';
import type { PanelParts } from '../panels';
import { fileServices, SavedFiles } from '../saved-files';
import { ModuleFileHost } from './host';

export function moduleFiles({ extension, history, library, log }: PanelParts) {
  const services = {
    ...fileServices(log),
    chooseOther: (shown: ModuleResult | undefined) =>
      chooseOther({
        kind: 'module',
        library,
        history,
        shown,
        none: 'There is no other run of a module to compare with. Run one in the Kernels panel, by Modules.',
        placeHolder: 'A run of a module',
      }),
  };
  const page = { panel: 'module', title: 'Run of a module' };
  return new SavedFiles(extension, 'module', page, (file, send) => new ModuleFileHost(file, services, send));
}

/** The editors of cache plans in this window. */
import type { PanelParts } from '../panels';
import { editedFileServices, execute, SavedFiles } from '../saved-files';
import { PlanFileHost } from './host';
import { writePlan } from './dialogs';

export const planFiles = (parts: PanelParts) =>
  new SavedFiles(parts.extension, 'plan', { panel: 'plan', title: 'Cache plan' }, (file, send) => {
    const services = {
      ...editedFileServices('plan', parts, file),
      now: () => new Date().toISOString(),
      headscope: String(process.env['HEADSCOPE_VERSION']),
      showHeads: () => execute('headscope.showHeadsWithPlan', file.uri),
      evaluate: () => execute('headscope.evaluatePlan', file.uri),
      write: writePlan,
    };
    return new PlanFileHost(file, services, send);
  });

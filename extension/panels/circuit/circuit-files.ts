/** The editors of circuits in this window. */
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import { showInformation } from '../../platform/notify';
import type { PanelParts } from '../panels';
import { editedFileServices, SavedFiles } from '../saved-files';
import { chooseRun } from './dialogs';
import { CircuitFileHost } from './host';

/** `run` shows a request in the workbench and runs it. */
export const circuitFiles = (parts: PanelParts, run: (setup: AnalysisSetup) => Promise<void>) =>
  new SavedFiles(parts.extension, 'circuit', { panel: 'circuit', title: 'Circuit' }, (file, send) => {
    const services = {
      ...editedFileServices('circuit', parts, file),
      runAgain: ({ origin }: Circuit) => run(origin.setup),
      chooseRun: (circuit: Circuit) => chooseRun(parts, circuit),
      say: (sentence: string) => void showInformation(sentence),
    };
    return new CircuitFileHost(file, services, send);
  });

/** The editors of circuits in this window. */
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import { showInformation } from '../../platform/notify';
import type { PanelParts } from '../panels';
import { editedFileServices, SavedFiles } from '../saved-files';
import { chooseRun } from './dialogs';
import { CircuitFileHost, type Rerun } from './host';

export const circuitFiles = (parts: PanelParts, rerun: Rerun) =>
  new SavedFiles(parts.extension, 'circuit', { panel: 'circuit', title: 'Circuit' }, (file, send) => {
    const services = {
      ...editedFileServices('circuit', parts, file),
      ...rerun,
      chooseRun: (circuit: Circuit) => chooseRun(parts, circuit),
      say: (sentence: string) => void showInformation(sentence),
    };
    return new CircuitFileHost(file, services, send);
  });

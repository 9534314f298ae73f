import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { editedPageStyles } from '../file-page';
import { CircuitPanel } from './panel';
import { circuitStyles } from './styles';

export const circuit = (): void =>
  startPanel([sectionStyles, editedPageStyles, circuitStyles], (root) => new CircuitPanel(root).start());

import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { CircuitPanel } from './panel';
import { circuitStyles } from './styles';

startPanel([sectionStyles, circuitStyles], (root) => new CircuitPanel(root).start());

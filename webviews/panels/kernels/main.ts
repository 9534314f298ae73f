import { chartStyles } from '../../charts/styles';
import { startPanel } from '../../ui/start-panel';
import { cardStyles } from './card-styles';
import { KernelsPanel } from './panel';
import { panelStyles } from './styles';

startPanel([chartStyles, panelStyles, cardStyles], (root, place) => new KernelsPanel(root, place).start());

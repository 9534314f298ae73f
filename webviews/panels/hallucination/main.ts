import { chartStyles } from '../../charts/styles';
import { startPanel } from '../../ui/start-panel';
import { HallucinationPanel } from './panel';
import { panelStyles } from './styles';

startPanel([chartStyles, panelStyles], (root, place) => new HallucinationPanel(root, place).start());

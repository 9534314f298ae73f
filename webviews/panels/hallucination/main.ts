import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { HallucinationPanel } from './panel';
import { panelStyles } from './styles';

startPanel([chartStyles, sectionStyles, panelStyles], (root, place) => new HallucinationPanel(root, place).start());

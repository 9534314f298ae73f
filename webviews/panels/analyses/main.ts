import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { AnalysesPanel } from './panel';
import { panelStyles } from './styles';

startPanel([chartStyles, sectionStyles, panelStyles], (root, place) => new AnalysesPanel(root, place).start());

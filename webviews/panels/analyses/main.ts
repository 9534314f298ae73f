import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { AnalysesPanel } from './panel';
import { regionsStyles } from './regions/styles';
import { panelStyles } from './styles';

startPanel([chartStyles, sectionStyles, panelStyles, regionsStyles], (root, place) =>
  new AnalysesPanel(root, place).start(),
);

import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { WorkbenchPanel } from './panel';
import { regionsStyles } from './regions/styles';
import { panelStyles } from './styles';
import { tabStyles } from './tab-styles';
import { tryStyles } from './try/styles';

export const workbench = (): void =>
  startPanel([chartStyles, sectionStyles, panelStyles, tabStyles, regionsStyles, tryStyles], (root, place) =>
    new WorkbenchPanel(root, place).start(),
  );

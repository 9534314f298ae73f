import { chartStyles } from '../../charts/styles';
import { startPanel } from '../../ui/start-panel';
import { HeadsPanel } from './panel';
import { sectionStyles } from '../../sections/styles';
import { pictureStyles } from './picture-styles';
import { panelStyles } from './styles';

startPanel([chartStyles, sectionStyles, panelStyles, pictureStyles], (root, place) =>
  new HeadsPanel(root, place).start(),
);

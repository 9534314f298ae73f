import { chartStyles } from '../../charts/styles';
import { moduleResultStyles } from '../../modules/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { cardStyles } from './card-styles';
import { moduleStyles } from '../../modules/module-styles';
import { KernelsPanel } from './panel';
import { panelStyles } from './styles';

export const kernels = (): void =>
  startPanel([chartStyles, sectionStyles, panelStyles, cardStyles, moduleStyles, moduleResultStyles], (root, place) =>
    new KernelsPanel(root, place).start(),
  );

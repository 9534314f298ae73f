import { chartStyles } from '../../charts/styles';
import { moduleResultStyles } from '../../modules/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { ModulePanel } from './panel';
import { moduleFileStyles } from './styles';

export const module = (): void =>
  startPanel([chartStyles, sectionStyles, moduleResultStyles, moduleFileStyles], (root) =>
    new ModulePanel(root).start(),
  );

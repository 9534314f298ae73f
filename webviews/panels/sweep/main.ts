import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { SweepPanel } from './panel';
import { sweepStyles } from './styles';

export const sweep = (): void =>
  startPanel([chartStyles, sectionStyles, sweepStyles], (root) => new SweepPanel(root).start());

import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { editedPageStyles } from '../file-page';
import { PlanPanel } from './panel';
import { planStyles } from './styles';

export const plan = (): void =>
  startPanel([chartStyles, sectionStyles, editedPageStyles, planStyles], (root) => new PlanPanel(root).start());

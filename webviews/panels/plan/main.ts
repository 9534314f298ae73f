import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { startPanel } from '../../ui/start-panel';
import { PlanPanel } from './panel';
import { planStyles } from './styles';

startPanel([chartStyles, sectionStyles, planStyles], (root) => new PlanPanel(root).start());

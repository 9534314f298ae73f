import { chartStyles } from '../../charts/styles';
import { startPanel } from '../../ui/start-panel';
import { ModelPanel } from './panel';
import { modelStyles } from './styles';

export const model = (): void =>
  startPanel([chartStyles, modelStyles], (root, place) => new ModelPanel(root, place === 'side' ? 'side' : 'full'));

import { startPanel } from '../../ui/start-panel';
import { ModelPanel } from './panel';
import { modelStyles } from './styles';

startPanel([modelStyles], (root, place) => new ModelPanel(root, place === 'side' ? 'side' : 'full'));

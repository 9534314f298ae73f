import { panelFrameStyles } from '../../ui/panel-styles';
import { adoptStyles, baseStyles } from '../../ui/styles';
import { registerControls } from '../../ui/toolkit';
import { ModelPanel } from './panel';
import { modelStyles } from './styles';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no element with the id "root".');
adoptStyles(baseStyles, panelFrameStyles, modelStyles);
registerControls();
new ModelPanel(root, root.dataset['place'] === 'side' ? 'side' : 'full');

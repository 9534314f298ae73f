import type { KernelsPlace } from '../../../protocol/panels/kernels';
import { panelFrameStyles } from '../../ui/panel-styles';
import { adoptStyles, baseStyles } from '../../ui/styles';
import { registerControls } from '../../ui/toolkit';
import { chartStyles } from '../../charts/styles';
import { KernelsPanel } from './panel';
import { cardStyles } from './card-styles';
import { panelStyles } from './styles';

const places: readonly string[] = ['full', 'side', 'file'] satisfies KernelsPlace[];
const isPlace = (value: string | undefined): value is KernelsPlace => value !== undefined && places.includes(value);

const root = document.getElementById('root');
if (!root) throw new Error('The page has no element with the id "root".');
const place = root.dataset['place'];
adoptStyles(baseStyles, panelFrameStyles, chartStyles, panelStyles, cardStyles);
registerControls();
new KernelsPanel(root, isPlace(place) ? place : 'full');

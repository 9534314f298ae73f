import type { HeadsPlace } from '../../../protocol/panels/heads';
import { chartStyles } from '../../charts/styles';
import { panelFrameStyles } from '../../ui/panel-styles';
import { adoptStyles, baseStyles } from '../../ui/styles';
import { registerControls } from '../../ui/toolkit';
import { HeadsPanel } from './panel';
import { pictureStyles } from './picture-styles';
import { panelStyles } from './styles';

const places: readonly string[] = ['full', 'side', 'file'] satisfies HeadsPlace[];
const isPlace = (value: string | undefined): value is HeadsPlace => value !== undefined && places.includes(value);

const root = document.getElementById('root');
if (!root) throw new Error('The page has no element with the id "root".');
const place = root.dataset['place'];
adoptStyles(baseStyles, panelFrameStyles, chartStyles, panelStyles, pictureStyles);
registerControls();
new HeadsPanel(root, isPlace(place) ? place : 'full');

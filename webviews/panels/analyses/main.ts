import type { AnalysesPlace } from '../../../protocol/panels/analyses';
import { chartStyles } from '../../charts/styles';
import { sectionStyles } from '../../sections/styles';
import { panelFrameStyles } from '../../ui/panel-styles';
import { adoptStyles, baseStyles } from '../../ui/styles';
import { registerControls } from '../../ui/toolkit';
import { AnalysesPanel } from './panel';
import { panelStyles } from './styles';

const places: readonly string[] = ['full', 'side', 'file'] satisfies AnalysesPlace[];
const isPlace = (value: string | undefined): value is AnalysesPlace => value !== undefined && places.includes(value);

const root = document.getElementById('root');
if (!root) throw new Error('The page has no element with the id "root".');
const place = root.dataset['place'];
adoptStyles(baseStyles, panelFrameStyles, chartStyles, sectionStyles, panelStyles);
registerControls();
new AnalysesPanel(root, isPlace(place) ? place : 'full');

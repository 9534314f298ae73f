import type { HallucinationPlace } from '../../../protocol/panels/hallucination';
import { chartStyles } from '../../charts/styles';
import { panelFrameStyles } from '../../ui/panel-styles';
import { adoptStyles, baseStyles } from '../../ui/styles';
import { registerControls } from '../../ui/toolkit';
import { HallucinationPanel } from './panel';
import { panelStyles } from './styles';

const places: readonly string[] = ['full', 'side', 'file'] satisfies HallucinationPlace[];
const isPlace = (value: string | undefined): value is HallucinationPlace =>
  value !== undefined && places.includes(value);

const root = document.getElementById('root');
if (!root) throw new Error('The page has no element with the id "root".');
const place = root.dataset['place'];
adoptStyles(baseStyles, panelFrameStyles, chartStyles, panelStyles);
registerControls();
new HallucinationPanel(root, isPlace(place) ? place : 'full');

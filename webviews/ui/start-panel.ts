/** What the page of every panel does: styles, controls, then the panel in its place. */
import type { CSSResult } from 'lit';
import type { PanelPlace } from '../../protocol/panels/run-panel';
import { contentStyles } from './content-styles';
import { controlStyles } from './control-styles';
import { panelFrameStyles } from './panel-styles';
import { adoptStyles, baseStyles } from './styles';
import { registerControls } from './toolkit';

const places: readonly string[] = ['full', 'side', 'file'] satisfies PanelPlace[];
const isPlace = (value: string | undefined): value is PanelPlace => value !== undefined && places.includes(value);

/** `styles`: what the panel adds to the frame. */
export function startPanel(styles: readonly CSSResult[], start: (root: HTMLElement, place: PanelPlace) => void): void {
  const root = document.getElementById('root');
  if (!root) throw new Error('The page has no element with the id "root".');
  const place = root.dataset['place'];
  adoptStyles(baseStyles, controlStyles, contentStyles, panelFrameStyles, ...styles);
  registerControls();
  start(root, isPlace(place) ? place : 'full');
}

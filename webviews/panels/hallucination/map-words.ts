/** What the maps over a picture and over a text have in common: whose attention, for which word, and what is awaited. */
import type { TemplateResult } from 'lit';
import { dropdown } from '../../ui/controls';
import { headName } from '../../ui/head-names';
import { count } from '../../ui/numbers';
import { quotedToken } from '../../../protocol/wire/token-name';
import type { Part } from './actions';
import { captionOf, mapHeads } from './shown';
import type { State } from './state';
import type { MapChoice } from './view';

/** `L3H2 for “cat”`; undefined while no head is there. */
export function mapTitle(state: State): string | undefined {
  const { token } = state;
  const said = captionOf(state, token.variant).tokens[token.step];
  const word = said ? ` for ${quotedToken(said.text)}` : '';
  const heads = mapHeads(state);
  const [first] = heads;
  if (!first) return undefined;
  if (heads.length === 1) return `${headName(first.layer, first.head)}${word}`;
  return `${count(heads.length)} heads${word}`;
}

const mapNames: readonly { readonly value: MapChoice; readonly label: string }[] = [
  { value: 'head', label: 'The selected head' },
  { value: 'layer', label: 'Selected set of its layer' },
  { value: 'all', label: 'Selected set of all layers' },
];

export const mapChooser = ({ state, actions }: Part): TemplateResult =>
  dropdown({
    label: 'Whose attention',
    choices: mapNames,
    value: state.view.map,
    onChange: (map) => actions.view({ map: map as MapChoice }),
  });

/** Why no map is drawn yet. */
export function waiting({ map, phase, result, canRun, place, asides }: State): string {
  if (map?.problem) return map.problem;
  if (!result) return phase.kind === 'running' ? 'The map follows when the caption is there.' : '';
  if (canRun !== true) return 'The map is computed again from the weights, which needs a trusted workspace.';
  if (asides.waiting) return 'The map is not in the file: its model computes it.';
  return map || place !== 'side' ? 'Reading the map…' : 'Choose a head or a word to see its map.';
}

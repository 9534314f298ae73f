/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromHeadsPanel } from '../../../protocol/panels/heads-schema';
import type { PanelPart, RunActions } from '../../ui/actions';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { CellPlace } from './matrix-place';
import type { State } from './state';
import type { TileSource } from './tile-source';

export interface Actions extends RunActions<State, FromHeadsPanel> {
  chooseModel(folder: string): void;
  chooseDevice(id: string): void;
  testDevices(): void;
  select(place: HeadPlace): void;
  selectQuery(query: number): void;
  hoverCell(place: CellPlace | undefined): void;
  setGain(place: HeadPlace, gain: number): void;
  toggleAblation(place: HeadPlace): void;
  resetGains(): void;
  /** Writes on; `changed`: the text with the interventions alone, where that without them is there. */
  generate(which?: 'both' | 'changed'): void;
  /** Runs the analysis that explains an attention weight of the selected head. */
  explainWeight(cell: CellPlace): void;
  /** The effect of removing each head. */
  measureEffects(): void;
  retryTiles(): void;
}

/** What a part needs to draw itself. */
export interface Part extends PanelPart<State, Actions> {
  readonly source: TileSource | undefined;
  readonly tileVersion: number;
  readonly hovered: CellPlace | undefined;
}

/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromHeadsPanel } from '../../../protocol/panels/heads-schema';
import type { PanelPart, RunActions } from '../../ui/actions';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { AttentionCell } from '../../../protocol/sections/map';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { HeadSupply, SectionView } from '../../sections/section-kind';
import type { State } from './state';

export interface CellPlace {
  readonly query: number;
  readonly key: number;
}

export interface Actions extends RunActions<State, FromHeadsPanel> {
  chooseModel(folder: string): void;
  chooseDevice(id: string): void;
  testDevices(): void;
  select(place: HeadPlace): void;
  /** Queries, cell and look of the attention of the selected head. */
  viewAttention(change: Partial<SectionView>): void;
  hoverCell(place: CellPlace | undefined): void;
  hoverHead(place: HeadPlace | undefined): void;
  setGain(place: HeadPlace, gain: number): void;
  toggleAblation(place: HeadPlace): void;
  resetGains(): void;
  /** Writes on; `changed`: the text with the interventions alone, where that without them is there. */
  generate(which?: 'both' | 'changed'): void;
  /** Runs the analysis that explains an attention weight of the selected head. */
  explainWeight(cell: AttentionCell): void;
  /** Numbers have come. */
  redrawn(): void;
  /** The effect of removing each head. */
  measureEffects(): void;
}

/** What a part needs to draw itself. */
export interface Part extends PanelPart<State, Actions> {
  /** What has the numbers of the selected head; absent before they may be asked for. */
  readonly supply: ((section: MatrixSection) => HeadSupply) | undefined;
  readonly hovered: CellPlace | undefined;
  readonly hoveredHead: HeadPlace | undefined;
}

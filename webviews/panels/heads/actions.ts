/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromHeadsPanel } from '../../../protocol/panels/heads';
import type { HeadPlace } from '../../ui/head-names';
import type { CellPlace } from './matrix-place';
import type { Form } from './form';
import type { State, View } from './state';
import type { TileSource } from './tile-source';

export type ExportFormat = Extract<FromHeadsPanel, { kind: 'export' }>['format'];

export interface Actions {
  edit(change: Partial<Form>): void;
  view(change: Partial<View>): void;
  toggle(disclosure: string, open: boolean): void;
  chooseModel(folder: string): void;
  select(place: HeadPlace): void;
  selectQuery(query: number): void;
  hoverCell(place: CellPlace | undefined): void;
  setGain(place: HeadPlace, gain: number): void;
  toggleAblation(place: HeadPlace): void;
  resetGains(): void;
  run(): void;
  cancel(): void;
  generate(): void;
  /** Puts the plan of what is shown back into the form. */
  backToShown(): void;
  dropComparison(): void;
  openFull(): void;
  /** Of the file that is shown. */
  loadModel(): void;
  dismissNotice(): void;
  retryTiles(): void;
  post(message: FromHeadsPanel): void;
  copy(text: string, what: string): void;
  exportAs(format: ExportFormat): void;
}

/** What a part needs to draw itself. */
export interface Part {
  readonly state: State;
  readonly actions: Actions;
  readonly dark: boolean;
  /** One column, pictures first, the rest folded. */
  readonly compact: boolean;
  /** Wide enough for the settings to stand beside the pictures. */
  readonly beside: boolean;
  readonly source: TileSource | undefined;
  readonly tileVersion: number;
  readonly hovered: CellPlace | undefined;
}

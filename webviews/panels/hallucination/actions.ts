/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { ReinforcementRequest } from '../../../protocol/compute/hallucination';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination';
import type { DatasetEntry } from '../../../protocol/results/hallucination';
import type { HeadPlace } from '../../ui/head-names';
import type { Form } from './form';
import type { Patch } from './picture-layout';
import type { State, TokenPlace, View } from './state';

/** Files of the extension's message, and what is written into them: `words` is a CSV of tokens. */
export type ExportFormat = Extract<FromHallucinationPanel, { kind: 'export' }>['format'];
export type ExportKind = ExportFormat | 'words';

export interface Actions {
  edit(change: Partial<Form>): void;
  view(change: Partial<View>): void;
  toggle(disclosure: string, open: boolean): void;
  chooseModel(folder: string): void;
  select(place: HeadPlace): void;
  selectToken(token: TokenPlace): void;
  selectPatch(patch: Patch): void;
  run(resume?: boolean): void;
  cancel(): void;
  reinforce(name: string, reinforcement: ReinforcementRequest): void;
  /** One picture of a set in the panel, as it was captioned there. */
  openEntry(entry: DatasetEntry): void;
  /** Puts the plan of what is shown back into the form. */
  backToShown(): void;
  dropComparison(): void;
  openFull(): void;
  /** Of the file that is shown. */
  loadModel(): void;
  dismissNotice(): void;
  post(message: FromHallucinationPanel): void;
  copy(text: string, what: string): void;
  exportAs(kind: ExportKind): void;
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
}

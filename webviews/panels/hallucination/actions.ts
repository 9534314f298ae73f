/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import type { ExportFormat } from '../../../protocol/panels/messages';
import type { DatasetEntry } from '../../../protocol/results/hallucination-schema';
import type { Section } from '../../../protocol/sections/section';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import type { PanelPart, RunActions } from '../../ui/actions';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { State, TokenPlace } from './state';

/** What is written into a file: `words` is a CSV of tokens. */
export type ExportKind = ExportFormat | 'words';

export interface Actions extends RunActions<State, FromHallucinationPanel, ExportKind> {
  chooseModel(folder: string): void;
  chooseDevice(id: string): void;
  testDevices(): void;
  select(place: HeadPlace): void;
  selectToken(token: TokenPlace): void;
  viewSection(id: string, change: Partial<SectionView>): void;
  saveSection(section: Section, view: SectionView, format: SectionFormat): void;
  reinforce(name: string, reinforcement: ReinforcementRequest): void;
  /** One picture of a set in the panel, as it was captioned there. */
  openEntry(entry: DatasetEntry): void;
}

export type Part = PanelPart<State, Actions>;

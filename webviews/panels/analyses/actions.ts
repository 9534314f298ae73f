/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromAnalysesPanel } from '../../../protocol/panels/analyses';
import type { Section, SectionQuestion } from '../../../protocol/sections/section';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import type { Form } from './form';
import type { InputForm } from './input-form';
import type { State } from './state';

export type ExportFormat = Extract<FromAnalysesPanel, { kind: 'export' }>['format'];

export interface Actions {
  edit(change: Partial<Form>): void;
  editInput(change: Partial<InputForm>): void;
  toggle(disclosure: string, open: boolean): void;
  chooseAnalysis(id: string): void;
  chooseModel(folder: string): void;
  choosePath(field: string, what: 'file' | 'folder' | 'picture'): void;
  run(): void;
  cancel(): void;
  /** Puts the plan of what is shown back into the form. */
  backToShown(): void;
  dropComparison(): void;
  openFull(): void;
  /** Of the file that is shown. */
  loadModel(): void;
  dismissNotice(): void;
  viewSection(key: string, change: Partial<SectionView>): void;
  ask(question: SectionQuestion): void;
  dropAnswer(request: number): void;
  saveSection(section: Section, view: SectionView, format: SectionFormat): void;
  post(message: FromAnalysesPanel): void;
  copy(text: string, what: string): void;
  exportAs(format: ExportFormat): void;
}

/** What a part needs to draw itself. */
export interface Part {
  readonly state: State;
  readonly actions: Actions;
  readonly dark: boolean;
  /** One column, the rest folded. */
  readonly compact: boolean;
  /** Wide enough for the settings to stand beside the sections. */
  readonly beside: boolean;
}

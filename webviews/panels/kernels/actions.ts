/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromKernelsPanel, ModuleFile } from '../../../protocol/panels/kernels-schema';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import type { Section } from '../../../protocol/sections/section';
import type { ChartExport } from '../../charts/chart-card';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import type { PanelPart, RunActions } from '../../ui/actions';
import type { ModuleForm } from '../../modules/module-form';
import type { CardChoice, State, View } from './state';

export interface Actions extends RunActions<State, FromKernelsPanel> {
  setParameter(mechanism: string, name: string, value: string | boolean): void;
  takeShape(uri: string): void;
  pin(key: View['pinned']): void;
  /** Opens the card of a mechanism and brings it into view: it stands at the top, the lists it is opened from may be far below. */
  openCard(mechanism: string): void;
  /** Changes or closes the card. */
  showCard(card: CardChoice | undefined): void;
  /** Changes the view of a section of the card's linear system. */
  viewSystemSection(id: string, change: Partial<SectionView>): void;
  saveSystemSection(section: Section, view: SectionView, format: SectionFormat): void;
  emphasise(mechanism: string | undefined): void;
  /** Measures the selected mechanisms in all patterns of CAB. */
  runCab(): void;
  /** Asks for the modules where they are not known yet. */
  askModules(): void;
  editModule(form: ModuleForm): void;
  runModule(): void;
  stopModule(): void;
  chooseModuleFile(what: ModuleFile): void;
  viewModuleSection(id: string, change: Partial<SectionView>): void;
  saveModule(): void;
  saveModuleSection(result: ModuleResult, section: Section, view: SectionView, format: SectionFormat): void;
  exportChart(chart: string, format: ChartExport): void;
}

export type Part = PanelPart<State, Actions>;

/** What the pictures and the table of a result need, in the panel and wherever else one is drawn. */
export interface ResultPart extends Pick<Part, 'state' | 'dark' | 'compact'> {
  readonly actions: Pick<Actions, 'view' | 'pin' | 'emphasise' | 'exportChart' | 'copy' | 'toggle'>;
}

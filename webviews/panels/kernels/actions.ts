/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromKernelsPanel } from '../../../protocol/panels/kernels';
import type { ChartExport } from '../../charts/chart-card';
import type { Form } from './form';
import type { CardChoice, State, View } from './state';

export type ExportFormat = Extract<FromKernelsPanel, { kind: 'export' }>['format'];

export interface Actions {
  edit(change: Partial<Form>): void;
  setParameter(mechanism: string, name: string, value: string | boolean): void;
  takeShape(uri: string): void;
  view(change: Partial<View>): void;
  toggle(disclosure: string, open: boolean): void;
  pin(key: View['pinned']): void;
  /** Opens the card of a mechanism and brings it into view: it stands at the top, the lists it is opened from may be far below. */
  openCard(mechanism: string): void;
  /** Changes or closes the card. */
  showCard(card: CardChoice | undefined): void;
  emphasise(mechanism: string | undefined): void;
  run(resume: boolean): void;
  /** Measures the selected mechanisms in all patterns of CAB. */
  runCab(): void;
  cancel(): void;
  /** Puts the settings of the rows on show back into the form. */
  backToMeasured(): void;
  dropComparison(): void;
  post(message: FromKernelsPanel): void;
  copy(text: string, what: string): void;
  exportAll(format: ExportFormat): void;
  exportChart(chart: string, format: ChartExport): void;
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

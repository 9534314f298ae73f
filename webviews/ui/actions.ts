/** What the parts of every panel that runs something may ask for, and what they need to draw themselves. */
import type { ExportFormat } from '../../protocol/panels/messages';
import type { RunState } from './run-state';

export interface RunActions<S extends RunState, From, Format extends string = ExportFormat> {
  edit(change: Partial<NonNullable<S['form']>>): void;
  view(change: Partial<S['view']>): void;
  toggle(disclosure: string, open: boolean): void;
  run(resume?: boolean): void;
  cancel(): void;
  /** Puts the plan of what is shown back into the form. */
  backToShown(): void;
  dropComparison(): void;
  openFull(): void;
  /** Loads the model of the file that is shown. */
  loadModel(): void;
  dismissNotice(): void;
  post(message: From | { readonly kind: 'save' | 'compare' }): void;
  copy(text: string, what: string): void;
  exportAs(format: Format): void;
}

export interface PanelPart<S, Actions> {
  readonly state: S;
  readonly actions: Actions;
  readonly dark: boolean;
  /** One column, pictures first, the rest folded. */
  readonly compact: boolean;
  /** Wide enough for the settings to stand beside the pictures. */
  readonly beside: boolean;
}

/** The part of a panel that the shared parts read and act on. */
export type AnyPart = PanelPart<RunState, Omit<RunActions<RunState, never, never>, 'edit' | 'view' | 'exportAs'>>;

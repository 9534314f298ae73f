/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromModelPanel, ToModelPanel } from '../../../protocol/panels/model';
import type { ExportFormat } from './exports';
import type { State, View } from './state';

export interface Actions {
  post(message: FromModelPanel): void;
  view(change: Partial<View>): void;
  toggle(disclosure: string, open: boolean): void;
  exportAs(format: ExportFormat): void;
  copyMarkdown(): void;
  copyJson(): void;
}

/** What a part needs to draw itself. */
export interface Part {
  readonly state: State;
  readonly shown: ToModelPanel;
  readonly actions: Actions;
  readonly dark: boolean;
  /** One column, pictures first, the rest folded. */
  readonly compact: boolean;
  /** Pixels that one model's pictures may take. */
  readonly pictureWidth: number;
}

/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { ServingQuestion } from '../../../protocol/language/serving';
import type { FromModelPanel } from '../../../protocol/panels/model-schema';
import type { ShowModel } from '../../../protocol/panels/model';
import type { PointKey } from '../../charts/chart';
import type { ExportFormat } from './exports';
import type { State, View } from './state';

export interface Actions {
  post(message: FromModelPanel): void;
  view(change: Partial<View>): void;
  toggle(disclosure: string, open: boolean): void;
  /** Another question about serving; answered as soon as no newer one comes. */
  serving(change: Partial<ServingQuestion>): void;
  /** Pins an operator of the roofline, or none. */
  pin(key: PointKey | undefined): void;
  exportAs(format: ExportFormat): void;
  copyMarkdown(): void;
  copyJson(): void;
}

/** What a part needs to draw itself. */
export interface Part {
  readonly state: State;
  readonly shown: ShowModel;
  readonly actions: Actions;
  readonly dark: boolean;
  /** One column, pictures first, the rest folded. */
  readonly compact: boolean;
  /** Pixels that one model's pictures may take. */
  readonly pictureWidth: number;
}

import type { FromSweepPanel } from '../../../protocol/panels/sweep-schema';
import type { SweepLook } from '../../../protocol/sweeps/sweep-picture';
import type { FilePage } from '../file-panel';
import type { Arranged, State } from './state';

type Page = FilePage<State, FromSweepPanel, Arranged>;

/** What every part of the panel gets. */
export interface SweepPage extends Page {
  readonly actions: Page['actions'] & {
    /** `undefined` takes a choice back. */
    look(change: { readonly [Name in keyof SweepLook]?: SweepLook[Name] | undefined }): void;
    compareWith(cell: State['compared']): void;
    dismiss(): void;
  };
}

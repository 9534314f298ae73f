/** What the parts of the editor are drawn from, and what they ask for. */
import type { FromPlanPanel } from '../../../protocol/panels/plan-schema';
import type { FilePage } from '../file-panel';
import type { Selection } from './selection';
import type { Arranged, State } from './state';

type Page = FilePage<State, FromPlanPanel, Arranged>;

export interface PlanPage extends Page {
  readonly actions: Page['actions'] & {
    choose(selection: Selection | undefined): void;
    paint(selection: Selection): void;
    /** While the slider is held. */
    preview(share: number): void;
    budget(share: number): void;
    copyDo(): void;
  };
}

/** What the parts of the editor are drawn from, and what they ask for. */
import type { FromPlanPanel } from '../../../protocol/panels/plan-schema';
import type { Section } from '../../../protocol/sections/section';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import type { Selection } from './selection';
import type { Arranged, State } from './state';

export interface PlanPage {
  readonly state: State;
  readonly dark: boolean;
  readonly compact: boolean;
  readonly actions: {
    post(message: FromPlanPanel): void;
    arrange(change: Partial<Arranged>): void;
    choose(selection: Selection | undefined): void;
    paint(selection: Selection): void;
    /** While the slider is held. */
    preview(share: number): void;
    budget(share: number): void;
    view(id: string, change: Partial<SectionView>): void;
    copy(text: string, what: string): void;
    copyDo(): void;
    save(section: Section, view: SectionView, format: SectionFormat): void;
  };
}

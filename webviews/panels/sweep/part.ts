import type { FromSweepPanel } from '../../../protocol/panels/sweep-schema';
import type { Section } from '../../../protocol/sections/section';
import type { SweepLook } from '../../../protocol/sweeps/sweep-picture';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import type { State } from './state';

/** What every part of the panel gets. */
export interface SweepPage {
  readonly state: State;
  readonly dark: boolean;
  readonly compact: boolean;
  readonly actions: {
    post(message: FromSweepPanel): void;
    /** `undefined` takes a choice back. */
    look(change: { readonly [Name in keyof SweepLook]?: SweepLook[Name] | undefined }): void;
    compareWith(cell: State['compared']): void;
    dismiss(): void;
    view(id: string, change: Partial<SectionView>): void;
    copy(text: string, what: string): void;
    save(section: Section, view: SectionView, format: SectionFormat): void;
  };
}

/** What the parts of the editor are drawn from, and what they ask for. */
import type { Placed } from '../../../protocol/circuits/edit';
import type { FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import type { Section } from '../../../protocol/sections/section';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import type { MapAct } from './circuit-map';
import type { Arranged, State } from './state';

export interface CircuitPage {
  readonly state: State;
  readonly dark: boolean;
  readonly compact: boolean;
  readonly actions: {
    post(message: FromCircuitPanel): void;
    arrange(change: Partial<Arranged>): void;
    choose(ids: readonly string[]): void;
    place(places: readonly Placed[]): void;
    act(act: MapAct): void;
    /** A note as it is typed; `done`: it was left. */
    note(id: string, note: string, done: boolean): void;
    zoom(factor: number): void;
    fit(): void;
    view(id: string, change: Partial<SectionView>): void;
    copy(text: string, what: string): void;
    save(section: Section, view: SectionView, format: SectionFormat): void;
    savePicture(format: 'png' | 'svg'): void;
  };
}

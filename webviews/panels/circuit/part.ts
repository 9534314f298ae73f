/** What the parts of the editor are drawn from, and what they ask for. */
import type { Placed } from '../../../protocol/circuits/edit';
import type { FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import type { FilePage } from '../file-panel';
import type { MapAct } from './circuit-map';
import type { Arranged, State } from './state';

type Page = FilePage<State, FromCircuitPanel, Arranged>;

export interface CircuitPage extends Page {
  readonly actions: Page['actions'] & {
    choose(ids: readonly string[]): void;
    place(places: readonly Placed[]): void;
    act(act: MapAct): void;
    /** A note as it is typed; `done`: it was left. */
    note(id: string, note: string, done: boolean): void;
    zoom(factor: number): void;
    fit(): void;
    savePicture(format: 'png' | 'svg'): void;
  };
}

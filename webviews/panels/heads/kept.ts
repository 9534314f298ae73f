/** What of the state survives a reload. Pure. */
import type { HeadsPlace } from '../../../protocol/panels/heads';
import type { HeadPlace } from '../../ui/head-names';
import type { Form } from './form';
import { initialView, type State, type View } from './state';

export interface Kept {
  readonly version: 1;
  readonly place: HeadsPlace;
  readonly view: View;
  /** The form as typed, of use only while the extension's plan is one of `basis`. */
  readonly form?: Form;
  readonly basis: readonly string[];
  readonly selected?: HeadPlace;
  readonly query?: number;
}

export const keep = (state: State, basis: readonly string[]): Kept => ({
  version: 1,
  place: state.place,
  // What was looked for a moment ago would hide the other heads of a panel that is opened again.
  view: { ...state.view, search: '' },
  ...(state.form ? { form: state.form } : {}),
  basis,
  ...(state.selected ? { selected: state.selected } : {}),
  ...(state.query === undefined ? {} : { query: state.query }),
});

/** Undefined for anything this version did not write. */
export function parseKept(value: unknown): Kept | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const kept = value as Partial<Kept>;
  const whole = kept.version === 1 && Array.isArray(kept.basis) && typeof kept.view?.search === 'string';
  return whole ? (kept as Kept) : undefined;
}

export const restore = (state: State, kept: Kept | undefined): State =>
  kept
    ? { ...state, view: { ...initialView, ...kept.view }, form: kept.form, selected: kept.selected, query: kept.query }
    : state;

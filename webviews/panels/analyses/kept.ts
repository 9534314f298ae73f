/** What of the state survives a reload. Pure. */
import type { AnalysesPlace } from '../../../protocol/panels/analyses';
import type { Form } from './form';
import { initialView, type State, type View } from './state';

export interface Kept {
  readonly version: 1;
  readonly place: AnalysesPlace;
  readonly view: View;
  /** The form as typed, of use only while the extension's plan is one of `basis`. */
  readonly form?: Form;
  readonly basis: readonly string[];
}

export const keep = (state: State, basis: readonly string[]): Kept => ({
  version: 1,
  place: state.place,
  view: state.view,
  ...(state.form ? { form: state.form } : {}),
  basis,
});

/** Undefined for anything this version did not write. */
export function parseKept(value: unknown): Kept | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const kept = value as Partial<Kept>;
  const whole =
    kept.version === 1 && Array.isArray(kept.basis) && typeof kept.view?.open === 'object' && 'sections' in kept.view;
  return whole ? (kept as Kept) : undefined;
}

export const restore = (state: State, kept: Kept | undefined): State =>
  kept ? { ...state, view: { ...initialView, ...kept.view }, form: kept.form } : state;

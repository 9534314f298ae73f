/** What of the state survives a reload. Pure. */
import { keepForm, parseKeptBy, type Kept as KeptOf } from '../../ui/kept-form';
import type { Form } from './form';
import { emptyInput } from './input-form';
import { initialView, type State, type View } from './state';
import { initialTrying } from './trial';

/** A form that was kept before 2026-12-02 may have none. */
const sinceAdded: Pick<Form, 'adapter' | 'weights'> = { adapter: '', weights: '' };

export type Kept = KeptOf<Form, View>;

/** A search is not kept: it would hide the other heads of a page that is opened again. */
export function keep(state: State, basis: readonly string[]): Kept {
  const sections = Object.entries(state.view.sections).map(([key, { find: _, ...view }]) => [key, view] as const);
  return keepForm({ ...state, view: { ...state.view, sections: Object.fromEntries(sections) } }, basis);
}

export const parseKept = (value: unknown): Kept | undefined =>
  parseKeptBy<Kept>(
    value,
    ({ view, form }) =>
      typeof view?.open === 'object' &&
      typeof view.sections === 'object' &&
      (form === undefined || typeof form.device === 'string'),
  );

export const restore = (state: State, kept: Kept | undefined): State =>
  kept
    ? {
        ...state,
        view: { ...initialView, ...kept.view, trying: { ...initialTrying, ...kept.view.trying } },
        form: kept.form && { ...sinceAdded, ...kept.form, input: { ...emptyInput, ...kept.form.input } },
      }
    : state;

/** What of the state survives a reload. Pure. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { keepForm, parseKeptBy, type Kept as KeptOf } from '../../ui/kept-form';
import type { Form } from './form';
import { initialView, type State, type View } from './state';

export interface Kept extends KeptOf<Form, View> {
  readonly selected?: HeadPlace;
  readonly queries?: readonly number[];
}

export const keep = (state: State, basis: readonly string[]): Kept => ({
  // What was looked for a moment ago would hide the other heads of a panel that is opened again.
  ...keepForm({ ...state, view: { ...state.view, search: '' } }, basis),
  ...(state.selected ? { selected: state.selected } : {}),
  ...(state.queries === undefined ? {} : { queries: state.queries }),
});

export const parseKept = (value: unknown): Kept | undefined =>
  parseKeptBy<Kept>(
    value,
    ({ view, form }) =>
      typeof view?.search === 'string' &&
      (form === undefined || (Array.isArray(form.others) && typeof form.device === 'string')),
  );

export const restore = (state: State, kept: Kept | undefined): State =>
  kept
    ? {
        ...state,
        view: { ...initialView, ...kept.view },
        form: kept.form,
        selected: kept.selected,
        queries: kept.queries,
      }
    : state;

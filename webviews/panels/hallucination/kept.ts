/** What the panel keeps over a reload of its page. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { keepForm, parseKeptBy, type Kept as KeptOf } from '../../ui/kept-form';
import type { Form } from './form';
import { type State } from './state';
import { initialView, type View } from './view';

export interface Kept extends KeptOf<Form, View> {
  readonly selected?: HeadPlace;
}

export const keep = (state: State, basis: readonly string[]): Kept => ({
  ...keepForm(state, basis),
  ...(state.selected ? { selected: state.selected } : {}),
});

export const parseKept = (value: unknown): Kept | undefined =>
  parseKeptBy<Kept>(
    value,
    ({ view, form }) =>
      typeof view?.map === 'string' &&
      (form === undefined || (typeof form.device === 'string' && Array.isArray(form.interventions))),
  );

export const restore = (state: State, kept: Kept | undefined): State =>
  kept ? { ...state, view: { ...initialView, ...kept.view }, form: kept.form, selected: kept.selected } : state;

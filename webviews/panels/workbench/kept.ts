/** What of the state survives a reload. Pure. */
import { keepForm, parseKeptBy, type Kept as KeptOf } from '../../ui/kept-form';
import type { Form } from './form';
import { emptyInput } from './input-form';
import { initialView, type State, type View } from './state';

export type Kept = KeptOf<Form, View>;

export const keep = (state: State, basis: readonly string[]): Kept => keepForm(state, basis);

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
        view: { ...initialView, ...kept.view },
        form: kept.form && { ...kept.form, input: { ...emptyInput, ...kept.form.input } },
      }
    : state;

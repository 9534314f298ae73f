/** Undo and redo of the request: model, input, changes, seed, device. Pure. */
import { canonical } from '../../ui/canonical';
import type { Form } from './form';

/** What stays while the question changes. */
type RequestForm = Omit<Form, 'analysis' | 'parameters'>;

const requestOf = ({ analysis: _a, parameters: _p, ...request }: Form): RequestForm => request;

export interface Undo {
  /** Oldest first. */
  readonly past: readonly RequestForm[];
  /** Newest first. */
  readonly future: readonly RequestForm[];
  /** Which field was changed last, and when, in milliseconds. */
  readonly last?: { readonly field: string; readonly at: number };
}

export const nothingToUndo: Undo = { past: [], future: [] };

/** Letters typed into one field within this time, in milliseconds, are one step. */
const oneStep = 1500;
const mostSteps = 200;

/** The names of the fields that differ, those of the input apart. */
function changedField(before: RequestForm, after: RequestForm): string {
  const flat = ({ input, ...rest }: RequestForm): Record<string, unknown> => ({
    ...rest,
    // Both have a folder.
    ...Object.fromEntries(Object.entries(input).map(([name, value]) => [`input.${name}`, value])),
  });
  const [a, b] = [flat(before), flat(after)];
  return Object.keys(b)
    .filter((name) => canonical(a[name]) !== canonical(b[name]))
    .join(' ');
}

/** The form was changed by the person, at this time in milliseconds. */
export function recorded(undo: Undo, before: Form, after: Form, at: number): Undo {
  const field = changedField(requestOf(before), requestOf(after));
  if (field === '') return undo;
  const continues = undo.last?.field === field && at - undo.last.at < oneStep;
  const past = continues ? undo.past : [...undo.past, requestOf(before)].slice(-mostSteps);
  return { past, future: [], last: { field, at } };
}

/** The form was replaced whole, as by a file: a step of its own, whatever was typed just before or is typed next. */
export function replaced({ past, future }: Undo, before: Form, after: Form): Undo {
  const undo = recorded({ past, future }, before, after, 0);
  return { past: undo.past, future: undo.future };
}

export interface Step {
  readonly undo: Undo;
  readonly form: Form;
}

export function undone({ past, future }: Undo, form: Form): Step | undefined {
  const to = past.at(-1);
  if (to === undefined) return undefined;
  return { undo: { past: past.slice(0, -1), future: [requestOf(form), ...future] }, form: { ...form, ...to } };
}

export function redone({ past, future }: Undo, form: Form): Step | undefined {
  const [to, ...rest] = future;
  if (to === undefined) return undefined;
  return { undo: { past: [...past, requestOf(form)], future: rest }, form: { ...form, ...to } };
}

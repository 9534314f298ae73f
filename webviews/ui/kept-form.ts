/** What a panel keeps over a reload of its page: what a person arranged, and the form as typed. */
import type { PanelPlace } from '../../protocol/panels/run-panel';
import { canonical } from './canonical';

export interface KeptForm {
  /** Plans of the extension, as canonical JSON, of which the kept text is a later state. */
  readonly basis: readonly string[];
}

export interface Kept<Form, View> extends KeptForm {
  readonly version: 1;
  readonly place: PanelPlace;
  readonly view: View;
  /** The form as typed; it is used only while the plan of the extension is one of `basis`. */
  readonly form?: NonNullable<Form>;
}

/** Whether the kept text is a later state of the extension's plan, rather than of one since replaced. */
export const continues = (kept: KeptForm | undefined, plan: unknown): boolean =>
  kept?.basis.includes(canonical(plan)) ?? false;

interface Keepable<Form, View> {
  readonly place: PanelPlace;
  readonly view: View;
  readonly form: Form | undefined;
}

export const keepForm = <Form, View>(
  { place, view, form }: Keepable<Form, View>,
  basis: readonly string[],
): Kept<Form, View> => ({ version: 1, place, view, ...(form ? { form } : {}), basis });

/** Undefined for anything this version did not write; `whole` looks at what the panel itself adds. */
export function parseKeptBy<K extends Kept<unknown, unknown>>(
  value: unknown,
  whole: (kept: Partial<K>) => boolean,
): K | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const kept = value as Partial<K>;
  return kept.version === 1 && Array.isArray(kept.basis) && whole(kept) ? (kept as K) : undefined;
}

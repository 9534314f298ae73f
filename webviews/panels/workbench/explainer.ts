/** What opens the page of the analysis in the form. */
import type { Part } from './actions';
import { infoOf } from './shown';

/** Undefined where none is chosen: a saved result may be of an analysis that this version does not have. */
export function explainer({ state, actions }: Part): (() => void) | undefined {
  const id = infoOf(state)?.id;
  return id === undefined ? undefined : () => actions.post({ kind: 'showPage', page: `analyses/${id}` });
}

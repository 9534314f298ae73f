/** What opens the page of the analysis in the form. */
import { isOwnAnalysis } from '../../../protocol/inputs/own-file';
import type { Part } from './actions';
import { infoOf } from './shown';

/**
 * Undefined where none is chosen, as a saved result may be of an analysis that this version does not have, and for one of a person's
 * file.
 */
export function explainer({ state, actions }: Part): (() => void) | undefined {
  const id = infoOf(state)?.id;
  return id === undefined || isOwnAnalysis(id)
    ? undefined
    : () => actions.post({ kind: 'showPage', page: `analyses/${id}` });
}

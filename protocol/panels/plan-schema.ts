/** Messages of the editor of a cache plan to the extension. */
import { headPlanField } from '../plans/head-plan';
import type { Output } from '../schema/check';
import { byKind, list, object, text } from '../schema/fields';
import { mostHeadsInAll, placeFields } from '../schema/parts';
import { fromFileEditor } from './opened-file';

/** `head`: a key/value head. */
const paintedHead = object({ ...placeFields(), keep: headPlanField });
export type PaintedHead = Output<typeof paintedHead>;

export const fromPlanPanel = byKind({
  ...fromFileEditor,
  /** What these heads keep from now on; one step of Undo. */
  paint: { heads: list(paintedHead, 'a list of heads', { most: mostHeadsInAll }) },
  /** Opens Look on the model of the plan, under the plan. */
  showHeads: {},
  /** Opens the form of the analysis that evaluates a plan. */
  evaluate: {},
  /** Writes the plan into a file of another form. */
  write: { format: text },
});
export type FromPlanPanel = Output<typeof fromPlanPanel>;

/** Messages of the editor of a circuit to the extension. */
import type { Output } from '../schema/check';
import { byKind, filledText, flag, list, number, object, text } from '../schema/fields';
import { mostHeadsInAll } from '../schema/parts';
import { fromFileEditor } from './opened-file';

const ids = list(filledText, 'a list of ids', { most: 2 * mostHeadsInAll });

export const fromCircuitPanel = byKind({
  ...fromFileEditor,
  /** Where these stand from now on; one step of Undo, as every change. */
  move: {
    places: list(object({ id: filledText, x: number, y: number }), 'a list of places', { most: 2 * mostHeadsInAll }),
  },
  /** They stand where the layout puts them again. */
  unplace: { ids },
  rename: { id: filledText, name: text },
  note: { id: filledText, note: text },
  pin: { ids, pinned: flag },
  group: { ids },
  ungroup: { ids },
  open: { id: filledText, open: flag },
  /** Removes what was not found again, and marks nothing as new any more. */
  settle: {},
  /** Shows the request that made it, and runs it. */
  runAgain: {},
  /** Lets the person choose a result whose graph is merged into the file. */
  update: {},
});
export type FromCircuitPanel = Output<typeof fromCircuitPanel>;

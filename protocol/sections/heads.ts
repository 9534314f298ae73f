/** Numbers and classes of every head: layers down, heads across. */
import type { Output } from '../schema/check';
import { type KindOutput, list, object, optional, text } from '../schema/fields';
import { mostLayers } from '../schema/parts';
import { base, measured, mostCells, mostNumbers, mostTokens, places, rowsOf } from './section-base';

/** Where a layer has a cell for each position, its row is longer than there are heads. */
const headRows = rowsOf(mostLayers, mostTokens, mostCells);

const headNumbers = object({
  ...measured,
  /** [layers][heads]; NaN where a head has none. Layers may have different numbers of heads. */
  values: headRows,
  /** Ends of an interval about each value, shaped like `values`. */
  low: optional(headRows),
  high: optional(headRows),
  /** What `low` and `high` are, e.g. `95 % interval over prompts`. */
  interval: optional(text),
});
export type HeadsLayer = Output<typeof headNumbers>;

export const heads = {
  ...base,
  /** What one cell stands for: `query head` where nothing else is said, `key/value head`, `MLP`, `position`. */
  cell: optional(text),
  /** The first is drawn; a person switches between them. */
  numbers: list(headNumbers, 'a list of tables', { most: mostNumbers }),
  /** Classes of heads; a head may have several. */
  classes: optional(
    list(object({ name: text, title: text, definition: text, heads: places }), 'a list of classes', {
      most: mostNumbers,
    }),
  ),
  /** Heads that the finding names. */
  marked: optional(places),
};
export type HeadsSection = KindOutput<'heads', typeof heads>;

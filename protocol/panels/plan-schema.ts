/** Messages of the editor of a cache plan to the extension. */
import { headPlanField } from '../plans/head-plan';
import type { Schema } from '../schema/check';
import { byKind, list, object, text } from '../schema/fields';
import { mostHeadsInAll, placeFields } from '../schema/parts';
import { copied, exported } from './messages';
import type { FromPlanPanel, PaintedHead } from './plan';

export const fromPlanPanel: Schema<FromPlanPanel> = byKind<FromPlanPanel>({
  ready: {},
  compare: {},
  stopComparing: {},
  export: exported,
  copy: copied,
  paint: {
    heads: list(object<PaintedHead>({ ...placeFields(), keep: headPlanField }), 'a list of heads', {
      most: mostHeadsInAll,
    }),
  },
  retitle: { title: text },
  undo: {},
  redo: {},
  openText: {},
  showHeads: {},
  evaluate: {},
  write: { format: text },
});

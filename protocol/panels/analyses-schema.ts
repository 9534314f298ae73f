/** Messages of the panel of analyses to the extension. */
import { analysisPlan, offer, sectionQuestion } from '../analysis/schema';
import type { Schema } from '../schema/check';
import { byKind, oneOf, optional, text, whole } from '../schema/fields';
import type { FromAnalysesPanel } from './analyses';
import { copied, exported, headPlace } from './messages';

const request = whole;

export const fromAnalysesPanel: Schema<FromAnalysesPanel> = byKind<FromAnalysesPanel>({
  ready: {},
  planned: { plan: analysisPlan },
  chooseModel: { folder: text },
  browseModel: {},
  loadModel: {},
  estimate: { request, plan: analysisPlan },
  run: { plan: analysisPlan },
  cancel: {},
  ask: { request, question: sectionQuestion },
  picture: { path: text },
  choosePath: { field: text, what: oneOf(['file', 'folder', 'picture']) },
  save: {},
  compare: {},
  stopComparing: {},
  apply: { offer, where: oneOf(['heads', 'file']) },
  export: exported,
  copy: copied,
  openFull: { plan: analysisPlan, select: optional(headPlace) },
});

/** Messages of the workbench to the extension. */
import { analysisSetup, anyPrompt, offer, sectionQuestion } from '../analysis/schema';
import type { Schema } from '../schema/check';
import { byKind, oneOf, text, whole } from '../schema/fields';
import type { FromWorkbench } from './workbench';
import { fromModelRunPanel } from './messages';

const request = whole;

export const fromWorkbench: Schema<FromWorkbench> = byKind<FromWorkbench>({
  ...fromModelRunPanel(analysisSetup),
  estimate: { request, plan: analysisSetup },
  tokenise: { request, folder: text, prompt: anyPrompt(text) },
  run: { plan: analysisSetup },
  ask: { request, question: sectionQuestion },
  picture: { path: text },
  explainWeight: { layer: whole, head: whole, query: whole, key: whole },
  choosePath: { field: text, what: oneOf(['file', 'folder', 'picture']) },
  applyPlan: {},
  apply: { offer, where: oneOf(['heads', 'file', 'plan']) },
});

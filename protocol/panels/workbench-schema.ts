/** Messages of the workbench to the extension. */
import { analysisSetup, anyPrompt, offer, sectionQuestion } from '../analysis/schema';
import type { Output } from '../schema/check';
import { byKind, oneOf, text, whole } from '../schema/fields';
import { askHead } from './head-messages';
import { fromModelRunPanel } from './messages';

const request = whole;

export const fromWorkbench = byKind({
  ...fromModelRunPanel(analysisSetup),
  estimate: { request, plan: analysisSetup },
  /** The prompt of the form as the model reads it: regions are drawn on its picture and its tokens. */
  tokenise: { request, folder: text, prompt: anyPrompt(text) },
  run: { plan: analysisSetup },
  ask: { request, question: sectionQuestion },
  ...askHead,
  picture: { path: text },
  /** Why a head gives a key its weight, of a map that is shown: another analysis of the same prompt. */
  explainWeight: { layer: whole, head: whole, query: whole, key: whole },
  /**
   * Lets the person choose a file or a folder for a field: `input.file`, `input.folder`, `input.image`, `input.taskFile`,
   * `input.task.` and the name of a parameter of the task, or a parameter's name.
   */
  choosePath: { field: text, what: oneOf(['file', 'folder', 'picture']) },
  /** Lets the person choose a cache plan, which becomes one intervention. */
  applyPlan: {},
  /** Puts an offer into the Heads panel, or saves it as a file of interventions, or its plan as a file of its own. */
  apply: { offer, where: oneOf(['heads', 'file', 'plan']) },
});
export type FromWorkbench = Output<typeof fromWorkbench>;

/** Messages of the workbench to the extension. */
import { analysisSetup, anyPrompt, offer, sectionQuestion } from '../analysis/schema';
import type { Output } from '../schema/check';
import { askHead } from './head-messages';
import { byKind, exactly, flag, oneOf, optional, text, whole } from '../schema/fields';
import { fromModelRunPanel, prompt } from './messages';
import { askTry } from './try-messages';
import { chosenHead } from './workbench-tabs';

const request = whole;

export const fromWorkbench = byKind({
  ...fromModelRunPanel(analysisSetup),
  estimate: { request, plan: analysisSetup },
  /** The prompt of the form as the model reads it. `pictures`: those of a folder come into it, one after another. */
  tokenise: { request, folder: text, prompt: anyPrompt(text), pictures: optional(flag) },
  /** What lies beside a picture, or in a folder of pictures, that the person has chosen. */
  beside: { request, path: text, what: oneOf(['picture', 'folder']) },
  /** Prompt and counterpart as the model reads them, to be aligned. */
  tokenisePair: { request, folder: text, prompt, counterpart: prompt },
  /** A pair as a task of one prompt: the person says where its file is written; answered by `chosen` of `input.taskFile`. */
  pairTask: { prompt: text, counterpart: text, answer: text, counterpartAnswer: text },
  /** `look`: its tab is the Look from then on; `keepRunning`: it goes on when the window closes. */
  run: { plan: analysisSetup, look: optional(exactly(true)), keepRunning: optional(exactly(true)) },
  /** Look, because the request has changed; answered by `looks`. */
  lookByItself: { plan: analysisSetup },
  /** A head of the tab was chosen; the tab keeps it. */
  chooseHead: { tab: text, chosen: chosenHead },
  /** Brings a tab to the front; answered by `open`. */
  showTab: { tab: text },
  /** Takes it away, or ends its run. */
  closeTab: { tab: text },
  /** Runs what gave it once more. */
  rerunTab: { tab: text },
  /** The later of two tabs in front, with the earlier one beside it. */
  compareTabs: { tab: text, other: text },
  /** Earlier results that hold all of these words; answered by `history`. */
  history: { request, words: text },
  /** Runs the request of a tab without its adapter, and shows the tab beside the result. */
  compareBase: { tab: text },
  /** A result of the history as a tab. */
  openEntry: { id: text },
  /** A pinned result stays in the history whatever its bounds. */
  pinEntry: { id: text, pinned: flag },
  /** A copy of it in the workspace, which git can hold. */
  copyEntry: { id: text },
  /** Deletes it, once the person has confirmed that. */
  removeEntry: { id: text },
  /** What the folder of a model says of it. */
  card: { folder: text },
  /** Opens that text in an editor. */
  openCard: { folder: text },
  /** `live`: the question follows what is chosen on the screen; the result does not count as used by it. */
  ask: { request, question: sectionQuestion, live: optional(exactly(true)) },
  /**
   * Asks for more that becomes a part of the result on the screen, and may take minutes: answered by `extending` while it goes on,
   * then by `extended`. One goes on after another.
   */
  extend: { request, question: sectionQuestion },
  /** Ends an `extend` that waits or goes on, by its request; `extended` does not come then. */
  stopExtending: { request },
  ...askHead,
  /** The file at the path, while it is the one with this hash. */
  picture: { path: text, sha256: text },
  /** Why a head gives a key its weight, of a map that is shown: another analysis of the same prompt. */
  explainWeight: { layer: whole, head: whole, query: whole, key: whole },
  /**
   * Lets the person choose a file or a folder for a field: `input.file`, `input.folder`, `input.image`, `input.taskFile`,
   * `input.task.` and the name of a parameter of the task, or a parameter's name.
   */
  choosePath: { field: text, what: oneOf(['file', 'folder', 'picture']) },
  ...askTry,
  /** Saves an offer as a file of interventions, or its plan as a file of its own. */
  saveOffer: { offer, where: oneOf(['file', 'plan']) },
  /** Saves the graph of a section of the result as a circuit, or merges it into one. */
  saveCircuit: { section: text },
});
export type FromWorkbench = Output<typeof fromWorkbench>;

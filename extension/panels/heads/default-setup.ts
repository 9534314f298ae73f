/** The plan the Heads panel starts with, and plans from the storage of an earlier version or session. */
import { demoPrompt } from '../../../protocol/inputs/demo-prompt';
import { type HeadsSetup, headsSetup } from '../../../protocol/panels/heads-schema';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { check } from '../../../protocol/schema/check';

/** One click on Run shows real heads: the model that comes with the extension, on a prompt that names and repeats. */
export const demoSetup = (demoFolder: string): HeadsSetup => ({
  folder: demoFolder,
  prompt: { kind: 'text', text: demoPrompt },
  interventions: [],
  classify: true,
  causal: false,
  seed: 0,
});

/** The plan that made a saved result. */
export const setupOfResult = (result: HeadsResult): HeadsSetup => ({
  folder: result.model.folder,
  prompt: promptOfResult(result),
  interventions: result.interventions,
  classify: result.settings['classify'] !== false,
  causal: result.settings['causal'] === true,
  seed: result.seed,
});

/** Older results do not say whether a text went through the chat template: where there is one, the ids say it. */
function promptOfResult({ model, prompt, ids, chatPrompt }: HeadsResult): HeadsSetup['prompt'] {
  if (prompt !== null && chatPrompt !== undefined) return { kind: 'text', text: prompt, chat: true };
  return prompt === null || model.chatTemplate ? { kind: 'ids', ids } : { kind: 'text', text: prompt };
}

/** The folder of the demo model moves with every update of the extension: it is stored by this name. */
const demoName = '';

export const setupToStore = (plan: HeadsSetup, demoFolder: string): HeadsSetup =>
  plan.folder === demoFolder ? { ...plan, folder: demoName } : plan;

/** Taken only when it has everything a plan has. */
export function storedSetup(value: unknown, demoFolder: string): HeadsSetup | undefined {
  const checked = check(headsSetup, value);
  if (!checked.ok) return undefined;
  const { folder } = checked.result;
  return { ...checked.result, folder: folder === demoName ? demoFolder : folder };
}

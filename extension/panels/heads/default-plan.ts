/** The plan the Heads panel starts with, and plans from the storage of an earlier version or session. */
import * as v from 'valibot';
import { demoPrompt } from '../../../protocol/compute/demo-prompt';
import type { HeadsPlan } from '../../../protocol/panels/heads';
import type { HeadsResult } from '../../../protocol/results/heads';

/** One click on Run shows real heads: the model that comes with the extension, on a prompt that names and repeats. */
export const demoPlan = (demoFolder: string): HeadsPlan => ({
  folder: demoFolder,
  prompt: { kind: 'text', text: demoPrompt },
  gains: [],
  classify: true,
  causal: false,
  seed: 0,
});

/** The plan that made a saved result. */
export const planOfResult = (result: HeadsResult): HeadsPlan => ({
  folder: result.model.folder,
  prompt: promptOfResult(result),
  gains: result.gains,
  classify: result.settings['classify'] !== false,
  causal: result.settings['causal'] === true,
  seed: result.seed,
});

/** Older results do not say whether a text went through the chat template: where there is one, the ids say it. */
function promptOfResult({ model, prompt, ids, chatPrompt }: HeadsResult): HeadsPlan['prompt'] {
  if (prompt !== null && chatPrompt !== undefined) return { kind: 'text', text: prompt, chat: true };
  return prompt === null || model.chatTemplate ? { kind: 'ids', ids } : { kind: 'text', text: prompt };
}

/** The folder of the demo model moves with every update of the extension: it is stored by this name. */
const demoName = '';

export const planToStore = (plan: HeadsPlan, demoFolder: string): HeadsPlan =>
  plan.folder === demoFolder ? { ...plan, folder: demoName } : plan;

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

const stored: v.GenericSchema<unknown, HeadsPlan> = v.object({
  folder: v.string(),
  prompt: v.variant('kind', [
    v.object({ kind: v.literal('text'), text: v.string(), chat: v.exactOptional(v.boolean()) }),
    v.object({ kind: v.literal('ids'), ids: v.array(whole) }),
  ]),
  gains: v.array(v.object({ layer: whole, head: whole, gain: v.pipe(v.number(), v.finite()) })),
  classify: v.boolean(),
  causal: v.boolean(),
  seed: v.pipe(v.number(), v.finite()),
});

/** Taken only when it has everything a plan has. */
export function storedPlan(value: unknown, demoFolder: string): HeadsPlan | undefined {
  const { success, output: plan } = v.safeParse(stored, value);
  if (!success) return undefined;
  return plan.folder === demoName ? { ...plan, folder: demoFolder } : plan;
}

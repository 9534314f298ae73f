/** Plans: of what is typed, and of a result. Pure. */
import type { PromptInput } from '../../../protocol/inputs/prompt';
import type { HeadsSetup } from '../../../protocol/panels/heads-schema';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { modelOfForm } from '../../ui/run-state';
import { readForm, type Form } from './form';

/** What is typed, and the model that was read last. */
interface Typed {
  readonly form: Form | undefined;
  readonly model: ModelSummary | undefined;
}

export const setupOf = (typed: Typed): HeadsSetup | undefined => {
  if (!typed.form) return undefined;
  const reading = readForm(typed.form, modelOfForm(typed));
  return reading.ok ? reading.plan : undefined;
};

/** The plan that a result was made by: what can be run again. */
export const setupOfResult = (result: HeadsResult): HeadsSetup => ({
  folder: result.model.folder,
  prompt: promptOfResult(result),
  interventions: result.interventions,
  classify: result.settings['classify'] !== false,
  causal: result.settings['causal'] === true,
  seed: result.seed,
});

const promptOfResult = ({ prompt, ids, chatPrompt }: HeadsResult): PromptInput =>
  prompt === null ? { kind: 'ids', ids } : { kind: 'text', text: prompt, ...(chatPrompt ? { chat: true } : {}) };

/** The plan that was run, where it says more than the result (chat template). */
export function setupMatching(plan: HeadsSetup | undefined, result: HeadsResult): HeadsSetup {
  const own = setupOfResult(result);
  const fits =
    plan?.prompt.kind === 'text' &&
    own.prompt.kind === 'text' &&
    plan.prompt.text === own.prompt.text &&
    plan.folder === own.folder;
  return fits && plan ? { ...own, folder: plan.folder, prompt: plan.prompt } : own;
}

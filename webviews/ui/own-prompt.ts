/** The prompt that a family of vision-language models was trained with, in the words that ask for a caption. Pure. */
import { demoVisionPrompt } from '../../protocol/inputs/demo-prompt';
import type { ModelChoice } from '../../protocol/panels/run-panel';
import type { ModelSummary } from '../../protocol/schema/parts';

export interface OwnPrompt {
  readonly prompt: string;
  readonly chat: boolean;
}

/** Through the chat template of the tokenizer (LLaVA-NeXT, Idefics3, SmolVLM): it writes the roles and the image token. */
const throughChat: OwnPrompt = { prompt: 'Describe the image.', chat: true };

/** By model_type, where the folder has no chat template: LLaVA 1.5 (vicuna), and the caption task of PaliGemma. */
const written: Readonly<Record<string, OwnPrompt>> = {
  llava: { prompt: demoVisionPrompt, chat: false },
  paligemma: { prompt: 'caption en', chat: false },
};

/** Undefined where it is not known, or the model reads text alone. */
export function ownPromptOf(model: ModelSummary, models: readonly ModelChoice[]): OwnPrompt | undefined {
  if (!model.vision) return undefined;
  if (model.chatTemplate) return throughChat;
  const family = models.find(({ folder }) => folder === model.folder)?.family ?? model.family;
  return written[family];
}

const same = (a: OwnPrompt, b: OwnPrompt): boolean => a.prompt === b.prompt && a.chat === b.chat;

/** Whether the prompt is one that the panel put in for a family, so that nobody has typed it. */
export const isOwnPrompt = (form: OwnPrompt): boolean =>
  [throughChat, ...Object.values(written)].some((one) => same(one, form));

/** What can be offered instead of what is typed. */
export function offeredPrompt(
  form: OwnPrompt,
  model: ModelSummary | undefined,
  models: readonly ModelChoice[],
): OwnPrompt | undefined {
  const own = model && ownPromptOf(model, models);
  return own && !same(own, form) ? own : undefined;
}

/** The first fields of the JSON of a command that ran a model: what made it, and of which model. */
import type { ComputeClient } from '../../protocol/compute/client';
import type { Provenance, ChatPrompt, ModelSummary } from '../../protocol/schema/parts';
import { chatPromptWords } from '../../protocol/results/chat-prompt';
import { provenance } from '../provenance';
import { threadsIn } from '../surroundings';
import { environmentOf, type PlaceOptions } from './model-options';
import type { CommandSession } from './session';

/** The model, opened; tensors of its checkpoint that the run does not read are reported on stderr. */
export async function openedModel(
  session: CommandSession,
  client: ComputeClient,
  folder: string,
): Promise<ModelSummary> {
  const model = await client.call('openModel', [folder], { signal: session.signal });
  sayNotes(session, model);
  return model;
}

export function sayNotes(session: CommandSession, { notes = [] }: ModelSummary): void {
  for (const note of notes) session.note(note);
}

/** A text that was put into the chat template without being asked for is reported on stderr, by every command that reads prompts. */
export function sayChatPrompt(session: CommandSession, { chatPrompt }: { readonly chatPrompt?: ChatPrompt }): void {
  const words = chatPromptWords(chatPrompt);
  if (words !== undefined) session.note(words);
}

export async function modelProvenance(
  options: PlaceOptions,
  model: ModelSummary,
  settings: Provenance['settings'],
  seed = 0,
): Promise<Provenance & { readonly model: ModelSummary }> {
  const threads = threadsIn({ ...process.env, ...environmentOf(options) });
  return {
    ...(await provenance(settings, seed, threads)),
    ...(model.device ? { device: model.device } : {}),
    weights: model.weights ?? 'float32',
    model,
  };
}

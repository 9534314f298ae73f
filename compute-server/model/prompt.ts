/** From what a person gives (text or token ids) to checked token ids of a model. */
import type { PromptInput, Tokenised } from '../../protocol/compute/models';
import { FailureError } from '../../protocol/wire/failures';
import type { LoadedModel } from './loaded-model';
import { offsetsOf } from './offsets';
import type { Sequence } from './sequence';

export function idsOf(model: LoadedModel, prompt: PromptInput): readonly number[] {
  const ids = prompt.kind === 'ids' ? prompt.ids : encode(model, prompt);
  const { vocabulary, contextLength } = model.summary;
  const bad = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });
  if (ids.length === 0) throw bad('The prompt is empty. Give at least one token.');
  const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary);
  if (outside !== undefined) throw bad(`Token id ${outside} is outside the vocabulary of ${vocabulary}.`);
  if (contextLength !== undefined && ids.length > contextLength) {
    throw bad(
      `The prompt has ${ids.length} tokens and the model's context holds ${contextLength}. Shorten it by ${ids.length - contextLength}.`,
    );
  }
  return ids;
}

/** What encoding a picture needs. */
export interface EncodingRun {
  readonly memoryLimit: number;
  readonly signal?: AbortSignal | undefined;
}

export function sequenceOf(model: LoadedModel, prompt: PromptInput, _run: EncodingRun): Promise<Sequence> {
  return Promise.resolve({ ids: idsOf(model, prompt) });
}

function encode(model: LoadedModel, prompt: Extract<PromptInput, { kind: 'text' }>): readonly number[] {
  if (!model.tokeniser.ok) {
    throw new FailureError({ code: 'model-unusable', folder: model.folder, detail: model.tokeniser.why });
  }
  const { tokeniser } = model.tokeniser;
  if (prompt.chat && !tokeniser.hasChatTemplate) {
    const detail = 'The model has no chat template. Send the text as it is.';
    throw new FailureError({ code: 'bad-request', detail });
  }
  try {
    return prompt.chat ? tokeniser.chat(prompt.text) : tokeniser.encode(prompt.text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const what = prompt.chat ? 'chat template' : 'tokenizer';
    const next = prompt.chat ? 'Send the text as it is' : 'Give token ids instead';
    const detail = `Its ${what} could not turn the text into tokens: ${why.replace(/\.?$/, '.')} ${next}.`;
    throw new FailureError({ code: 'model-unusable', folder: model.folder, detail });
  }
}

export const piecesOf = (model: LoadedModel, ids: readonly number[]): readonly string[] =>
  model.tokeniser.ok ? model.tokeniser.tokeniser.pieces(ids) : ids.map((id) => `#${id}`);

export const textOf = (model: LoadedModel, ids: readonly number[]): string =>
  model.tokeniser.ok ? model.tokeniser.tokeniser.decode(ids) : ids.map((id) => `#${id}`).join(' ');

export function tokenise(model: LoadedModel, prompt: PromptInput): Tokenised {
  const ids = idsOf(model, prompt);
  const tokens = piecesOf(model, ids);
  if (prompt.kind === 'ids' || prompt.chat) return { ids, tokens };
  return { ids, tokens, offsets: offsetsOf(prompt.text, tokens) };
}

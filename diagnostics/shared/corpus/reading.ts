/** Documents in the tokens of a model. */
import { refusal } from '../../../protocol/wire/failures';
import type { Corpus } from '../../corpus';
import type { ModelRunner } from '../../model-runner/model-runner';
import { TaskTokens } from '../../tasks/task-tokens';
import type { WindowShape } from './windows';

/** What a document is read with. */
export interface Reading {
  /** Absent where the model has no tokenizer: documents are token ids then. */
  readonly tokens: TaskTokens | undefined;
  readonly shape: WindowShape;
}

export async function readingOf(model: ModelRunner, window: number): Promise<Reading> {
  const { summary, bosId } = model.facts;
  const tokens = summary.tokenizer === true ? await TaskTokens.of(model) : undefined;
  const lead = tokens?.lead ?? (bosId === undefined ? [] : [bosId]);
  return {
    tokens,
    shape: { lead, size: Math.max(lead.length + 2, Math.min(window, summary.contextLength ?? window)) },
  };
}

export const idsOf = (model: ModelRunner, { documents }: Corpus, index: number): Int32Array => {
  const { text = null, ids = model.encode(text ?? '') } = documents[index] ?? {};
  const { vocabulary } = model.facts.summary;
  const outside = ids.find((id) => id >= vocabulary);
  if (outside !== undefined) {
    throw refusal(
      `Document ${index + 1} of the corpus has the token id ${outside}, and the vocabulary of the model has ${vocabulary}. Take the model whose ids they are.`,
    );
  }
  return Int32Array.from(ids);
};

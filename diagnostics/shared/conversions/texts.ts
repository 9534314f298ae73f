/** What a conversion measures on: texts that it is made on, and texts that it is judged on. */
import { refusal } from '../../../protocol/wire/failures';
import type { Sample } from '../../tasks/task';
import type { ReadInput } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';

export interface JudgedText {
  readonly ids: readonly number[];
  /** Predictions behind rows from this one on count: of a task those of the answer, else all. */
  readonly from: number;
}

export interface ConversionTexts {
  /** Token ids that scores are measured on. */
  readonly calibration: readonly (readonly number[])[];
  /** What models are compared on. */
  readonly heldOut: readonly JudgedText[];
  /** Samples of a task that models are compared on. */
  readonly samples: readonly Sample[];
  /** Whether they are different texts. */
  readonly apart: boolean;
}

/** `held-out texts`, or what they are where one text is both what a conversion is made on and what it is judged on. */
export const judgedTexts = (apart: boolean | undefined): string =>
  apart === false ? 'the text that the conversion was made on' : 'held-out texts';

/**
 * A task: its prompts with their answers; every second one is held out, and the answers are judged. A corpus: the first `length` tokens of each document, up
 * to twice `sequences`; every second one is held out. A prompt: the same text is both. Sequences of fewer than two tokens are
 * left out.
 */
export async function conversionTexts(
  model: ModelRunner,
  { task, corpus, prompts }: Pick<ReadInput, 'task' | 'corpus' | 'prompts'>,
  { sequences, length }: { readonly sequences: number; readonly length: number },
): Promise<ConversionTexts> {
  const context = model.facts.summary.contextLength ?? Infinity;
  const most = Math.min(length, context);
  if (task) {
    const samples = task.samples.slice(0, 2 * sequences);
    const ids = samples.map(({ prompt, answers }) => [...prompt.ids, ...answers.right.slice(0, 1), ...answers.rest]);
    return {
      ...apart(
        ids,
        samples.map(({ prompt }) => prompt.ids.length - 1),
      ),
      samples: samples.length > 1 ? samples.filter((_, at) => at % 2 === 1) : samples,
    };
  }
  if (corpus) {
    const documents: (readonly number[])[] = [];
    for (const { text, ids } of corpus.documents) {
      if (documents.length === 2 * sequences) break;
      // A token is rarely longer than 16 characters; the rest of a long document need not be tokenised.
      const all = ids ?? (await model.prompt({ kind: 'text', text: (text ?? '').slice(0, 16 * most) })).ids;
      if (all.length > 1) documents.push(all.slice(0, most));
    }
    return { ...apart(documents), samples: [] };
  }
  return { ...apart(prompts.map(({ ids }) => ids.slice(0, most))), samples: [] };
}

function apart(all: readonly (readonly number[])[], from: readonly number[] = []): Omit<ConversionTexts, 'samples'> {
  const long = all.map((ids, at) => ({ ids, from: from[at] ?? 0 })).filter(({ ids }) => ids.length > 1);
  if (long.length === 0) {
    const detail = 'The input has no text of two tokens or more. Give a longer prompt, a task or documents.';
    throw refusal(detail);
  }
  if (long.length === 1) return { calibration: long.map(({ ids }) => ids), heldOut: long, apart: false };
  return {
    calibration: long.filter((_, at) => at % 2 === 0).map(({ ids }) => ids),
    heldOut: long.filter((_, at) => at % 2 === 1),
    apart: true,
  };
}

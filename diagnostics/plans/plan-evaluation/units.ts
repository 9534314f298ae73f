/** What a plan is measured on: prompts of a task, or windows of text. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { refusal } from '../../../protocol/wire/failures';
import type { ReadInput } from '../../analysis';
import { idsOf, readingOf } from '../../shared/corpus/reading';
import { windowsOf } from '../../shared/corpus/windows';
import type { ModelRunner } from '../../model-runner/model-runner';
import { predictedRows } from '../../model-runner/predicted-rows';
import type { AskedRow } from '../../model-runner/run-request';
import { sequencePart, type Sequence } from '../../model-runner/sequence';
import type { Facts, Sample } from '../../tasks/task';
import { shuffled } from '../../tasks/draft';
import type { Place } from './plans';
import type { PlanEvaluationParameters } from './parameters';

interface UnitOf extends Place {
  /** What is run: of a task the prompt with its answer, without the last token of that. */
  readonly sequence: Sequence;
  /** Words that tell it from the others. */
  readonly name: string;
  readonly facts: Facts;
}

export interface PromptUnit extends UnitOf {
  readonly kind: 'prompt';
  /** The rows that predict the answer, and the tokens that are right: one, but for the first row of several answers. */
  readonly asked: readonly AskedRow[];
}

export interface WindowUnit extends UnitOf {
  readonly kind: 'window';
  /** Rows whose predictions count. */
  readonly rows: readonly number[];
}

export type Unit = PromptUnit | WindowUnit;

/** Characters of the end of a prompt that name it. */
const named = 80;

/**
 * Greedy decoding gives an answer of several tokens exactly when each of them is most probable behind the ones before it, so that
 * one run of prompt and answer decides.
 */
export function promptUnit(model: Pick<ModelRunner, 'pieces'>, sample: Sample, question: string): PromptUnit {
  const { ids, groups, text } = sample.prompt;
  const { right, rest } = sample.answers;
  const [first] = right;
  const behind = rest.length === 0 || first === undefined ? [] : [first, ...rest.slice(0, -1)];
  return {
    kind: 'prompt',
    sequence: { ids: [...ids, ...behind], ...(groups ? { groups } : {}) },
    asked: [right, ...rest.map((id) => [id])].map((tokens, at) => ({ row: ids.length - 1 + at, tokens })),
    length: ids.length,
    context: contextOf(model.pieces(ids), question),
    name: `… ${text.slice(-named).replace(/\s+/gu, ' ').trim()} ${sample.answers.texts.right[0]?.trim() ?? ''}`,
    facts: sample.facts,
  };
}

/** Tokens in front of the question; it has one token at least. */
export function contextOf(pieces: readonly string[], question: string): number {
  const last = pieces.length - 1;
  const at = pieces.join('').lastIndexOf(question === '' ? '\n' : question);
  if (at < 0) return last;
  let from = 0;
  for (const [index, piece] of pieces.entries()) {
    if (from >= at) return Math.min(index, last);
    from += piece.length;
  }
  return last;
}

/** The second half is predicted; the first is its context. `context`: of a plan for one prompt, the length of that. */
export function windowUnit(
  sequence: Sequence,
  name: string,
  context = Math.floor(sequence.ids.length / 2),
): WindowUnit {
  const rows = predictedRows(sequence).filter((row) => row >= context);
  // The last token is predicted and never read.
  return { kind: 'window', sequence, length: sequence.ids.length - 1, context, rows, name, facts: {} };
}

/** A window with fewer predictions says nothing. */
const fewest = 4;

/** `prompt`: length of the one prompt that the plan is for. */
export async function unitsOf(
  model: ModelRunner,
  { prompts: [given], task, corpus }: ReadInput,
  { question, window, windows }: Pick<PlanEvaluationParameters, 'question' | 'window' | 'windows'>,
  { seed, prompt }: { readonly seed: number; readonly prompt: number | undefined },
): Promise<readonly Unit[]> {
  if (prompt !== undefined && (!given || given.ids.length <= prompt + fewest)) {
    throw refusal(
      `The plan keeps chosen positions of one prompt of ${prompt} tokens. Give that prompt with the text that follows it, ${prompt + fewest + 1} tokens at least.`,
    );
  }
  if (task) return task.samples.map((sample) => promptUnit(model, sample, question));
  if (given) return longEnough([windowUnit(sequencePart(given), 'the prompt', prompt)]);
  if (!corpus) throw new RangeError('nothing to evaluate the plan on');
  const { shape } = await readingOf(model, window);
  const all = corpus.documents.flatMap(({ id }, document) =>
    windowsOf(document, idsOf(model, corpus, document), shape).map(({ ids, number }) => ({
      ids,
      name: `${id ?? `document ${document + 1}`}, window ${number + 1}`,
    })),
  );
  const some = shuffled(random(seedFor(seed, 'windows')), all).slice(0, windows);
  return longEnough(some.map(({ ids, name }) => windowUnit({ ids }, name)));
}

function longEnough(units: readonly WindowUnit[]): readonly WindowUnit[] {
  const enough = units.filter(({ rows }) => rows.length >= fewest);
  if (enough.length > 0) return enough;
  throw refusal(
    `No text has ${2 * fewest + 1} tokens, and the second half of a text is what is predicted. Give a longer one.`,
  );
}

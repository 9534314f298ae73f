/** Clean prompts and their corrupted counterparts, as they are patched. */
import type { AnalysisJob } from '../../analysis';
import { subjectsOf, type Subject, type Subjects } from './subjects';
import type { MetricParameters } from './metric';
import { measuredReadout } from './readout-subject';
import type { ModelRunner } from '../../model-runner/model-runner';
import { refusal } from '../../../protocol/wire/failures';
import type { Sequence } from '../../model-runner/sequence';

export interface Pair extends Pick<Subject, 'asked' | 'right' | 'roles' | 'embedding'> {
  readonly clean: Sequence;
  readonly corrupted: Sequence;
  /** Text of each token of the clean prompt. */
  readonly tokens: readonly string[];
}

export interface Pairs extends Pick<Subjects, 'metric'> {
  readonly pairs: readonly Pair[];
  /** Prompts of a task without a counterpart. */
  readonly lacking: number;
  readonly answers?: { readonly right: string; readonly wrong?: string };
}

type Job = Pick<AnalysisJob<MetricParameters>, 'input' | 'groups' | 'variant' | 'step' | 'parameters'>;

/** Fails with a sentence where prompts do not stand beside each other token by token. */
export async function pairsOf(model: ModelRunner, job: Job): Promise<Pairs> {
  const { input, parameters } = job;
  if (input.task) {
    const { subjects, metric } = await subjectsOf(model, job, parameters);
    const pairs = subjects.flatMap((subject) => pairOf(model, subject) ?? []);
    if (pairs.length === 0) {
      throw refusal(
        'No prompt of the task has a counterpart of as many tokens, and patching goes between the two. Add them to the file, or choose another task.',
      );
    }
    return { pairs, metric, lacking: subjects.length - pairs.length };
  }
  const [clean, corrupted] = input.prompts;
  if (!clean || !corrupted) throw new RangeError('the analysis reads a prompt and its counterpart, or a task');
  const [own, other] = [clean.ids.length, corrupted.ids.length];
  if (own !== other) {
    throw refusal(
      `The prompt has ${own} tokens and its counterpart ${other}: values are put in position by position. Change words of one until both have as many.`,
    );
  }
  if (sameTokens(clean.ids, corrupted.ids) && sameTokens(clean.source?.ids ?? [], corrupted.source?.ids ?? [])) {
    throw refusal('The prompt and its counterpart are the same tokens. Change what the answer depends on.');
  }
  const named = measuredReadout(model, parameters) ? parameters : await namedAnswers(model, job, [clean, corrupted]);
  const { subjects, metric, answers } = await subjectsOf(model, job, named, clean);
  const pairs = subjects.flatMap((subject) => pairOf(model, subject) ?? []);
  if (answers) return { pairs, metric, lacking: 0, answers };
  const [right = '', wrong] = model.pieces(pairs[0]?.asked[0]?.tokens ?? []);
  return { pairs, metric, lacking: 0, answers: { right, ...(wrong === undefined ? {} : { wrong }) } };
}

const sameTokens = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id, at) => id === b[at]);

function pairOf(model: ModelRunner, subject: Subject): Pair | undefined {
  const { sequence, counterpart, asked, right, roles, embedding } = subject;
  if (counterpart?.ids.length !== sequence.ids.length) return undefined;
  const tokens = model.pieces(sequence.ids);
  return { clean: sequence, corrupted: counterpart, asked, right, roles, tokens, ...(embedding ? { embedding } : {}) };
}

/**
 * Where no answer is named: the token that the model puts first behind the clean prompt, against the one that it puts first
 * behind the corrupted one. Where both are the same, its probability is the metric, if none is chosen.
 */
async function namedAnswers(
  model: ModelRunner,
  { variant, groups, step, parameters }: Job,
  prompts: readonly Sequence[],
): Promise<MetricParameters> {
  if (parameters.answer !== '') return parameters;
  if (parameters.against !== '') {
    throw refusal('A wrong answer is given and no right one. Give `answer` too, or leave `against` out.');
  }
  const [right, wrong] = await step('answers', async () => {
    const largest: number[] = [];
    for (const sequence of prompts) {
      const asked = [{ row: sequence.ids.length - 1, tokens: [] }];
      const [[answer] = []] = await model.answers({ ...sequence, groups }, asked, [variant]);
      largest.push(answer?.largest ?? 0);
    }
    return largest;
  });
  return { ...parameters, answer: `#${right}`, against: right === wrong ? '' : `#${wrong}` };
}

/** The first position at which two prompts differ; where their sources do, that is the first of all. */
export const firstDifference = (a: Sequence, b: Sequence): number => {
  if (!sameTokens(a.source?.ids ?? [], b.source?.ids ?? [])) return 0;
  const at = a.ids.findIndex((id, position) => id !== b.ids[position]);
  return at < 0 ? a.ids.length : at;
};

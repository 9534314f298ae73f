/** Prompts with known answers, how they are answered under variants of the model, and what the answers are worth. */
import type { Output } from '../../../protocol/schema/check';
import type { Variant } from '../../../models/instrument/changes/changes';
import { figure, object } from '../../../protocol/schema/fields';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { KeyGroup } from '../../model-runner/sequence';
import type { Sample } from '../../tasks/task';
import { mean } from '../../../kernels/tensors/vectors';

/** Labels of a set at most: with more, answers are free and not one of a few labels. */
const mostLabels = 32;

export interface Question {
  readonly sample: Sample;
  /** Tokens that the answer is one of, the right ones first; the right ones alone where the answer is free. */
  readonly labels: readonly number[];
}

/** What the model answers to one prompt under one variant. */
export interface Answered {
  /** In the order of the question's labels. */
  readonly logits: readonly number[];
  readonly right: number;
  readonly logProbability: number;
  readonly entropy: number;
  readonly correct: boolean;
}

/** Means over prompts. */
export const scoreField = object({
  /** Share of the prompts whose right answer leads: among the labels, or in the vocabulary where the prompt has none. */
  accuracy: figure,
  /** ln of the probability of the right answers (first tokens), in nats. */
  logProbability: figure,
  /** Entropy of the next-token distribution, in nats. */
  entropy: figure,
});
export type Score = Output<typeof scoreField>;

/** A prompt without wrong answers is asked for one of all answers of the set, where these are few. */
export function questionsOf(samples: readonly Sample[]): readonly Question[] {
  const all = [...new Set(samples.flatMap(({ answers: { right, wrong } }) => [...right, ...wrong]))].sort(
    (a, b) => a - b,
  );
  return samples.map((sample) => {
    const { right, wrong } = sample.answers;
    const others = wrong.length > 0 ? wrong : all.length <= mostLabels ? all : [];
    return { sample, labels: [...right, ...others.filter((id) => !right.includes(id))] };
  });
}

/** One for each variant. `groups`: key groups that the variants act on, besides those of the prompt. */
export async function answered(
  model: ModelRunner,
  { sample, labels }: Question,
  variants: readonly Variant[],
  groups: readonly KeyGroup[] = [],
): Promise<readonly Answered[]> {
  const { ids, groups: own = [] } = sample.prompt;
  const asked = [{ row: ids.length - 1, tokens: labels }];
  const all = await model.answers({ ...sample.prompt, groups: [...own, ...groups] }, asked, variants);
  const right = sample.answers.right.length;
  return all.map(([one]) => {
    if (!one) throw new RangeError('the run answered nothing');
    const { logits, logSumExp, entropy, largest } = one;
    return {
      logits,
      right,
      logProbability: logSum(logits.slice(0, right)) - logSumExp,
      entropy,
      correct: logits.length > right ? leads(logits, right) : labels.includes(largest),
    };
  });
}

/** Whether a right label has the largest logit of all; an equal wrong one takes it away. */
export const leads = (logits: readonly number[], right: number): boolean =>
  Math.max(...logits.slice(0, right)) > Math.max(...logits.slice(right));

/** ln of the sum of e^x. */
export function logSum(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** ln of the probability of the right labels among the labels; NaN where the answer is free. */
export const labelLogProbability = (logits: readonly number[], right: number): number =>
  logits.length > right ? logSum(logits.slice(0, right)) - logSum(logits) : Number.NaN;

export const scoreOf = (answers: readonly Answered[]): Score => ({
  accuracy: mean(answers.map(({ correct }) => (correct ? 1 : 0))),
  logProbability: mean(answers.map(({ logProbability }) => logProbability)),
  entropy: mean(answers.map(({ entropy }) => entropy)),
});

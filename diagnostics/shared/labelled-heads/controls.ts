/**
 * What could be had without touching attention, on the same labels: a temperature and a bias for each label, both fitted to the
 * calibration prompts and read on the others.
 */
import { labelLogProbability, leads, logSum, type Answered, type Question } from './questions';
import { mean } from '../../../kernels/tensors/vectors';

/** Least and largest inverse temperature that is tried. */
const [coldest, hottest] = [20, 0.05];

/**
 * The temperature that gives the right labels their largest mean log-probability among the labels (Guo et al. 2017, arXiv
 * 1706.04599), by ternary search: that mean is concave in 1 / temperature. NaN where answers are free.
 */
export function fittedTemperature(answers: readonly Answered[]): number {
  const at = (inverse: number): number =>
    mean(
      answers.map(({ logits, right }) =>
        labelLogProbability(
          logits.map((logit) => logit * inverse),
          right,
        ),
      ),
    );
  if (Number.isNaN(at(1))) return Number.NaN;
  let [low, high] = [hottest, coldest];
  for (let round = 0; round < 60; round++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (at(left) < at(right)) low = left;
    else high = right;
  }
  return 2 / (low + high);
}

/** Whether the fit ran to the end of its range: every prompt is told apart, or nothing is known of any. */
export const isAtBound = (temperature: number): boolean =>
  temperature < 1.001 / coldest || temperature > 0.999 / hottest;

/** By label: ln of its mean probability among the labels. Undefined where the prompts have other labels each. */
export type LabelBias = ReadonlyMap<number, number>;

/**
 * Batch calibration (Zhou et al. 2023, arXiv 2309.17249): a label is scored by its log-probability less the logarithm of its
 * mean probability over the prompts, which needs no answers.
 */
export function labelBias(questions: readonly Question[], answers: readonly Answered[]): LabelBias | undefined {
  const keyOf = ({ labels }: Question): string => [...labels].sort((a, b) => a - b).join();
  const [first] = questions;
  const free = answers.some(({ logits, right }) => logits.length === right);
  if (!first || free || questions.some((question) => keyOf(question) !== keyOf(first))) return undefined;
  const shares = new Map<number, number>();
  questions.forEach(({ labels }, at) => {
    const { logits = [] } = answers[at] ?? {};
    const total = logSum(logits);
    labels.forEach((label, i) =>
      shares.set(label, (shares.get(label) ?? 0) + Math.exp((logits[i] ?? 0) - total) / questions.length),
    );
  });
  return new Map([...shares].map(([label, share]) => [label, Math.log(share)]));
}

/** The answer with the logits of its labels changed. */
const changed = (one: Answered, logits: readonly number[]): Answered => ({
  ...one,
  logits,
  correct: logits.length > one.right ? leads(logits, one.right) : one.correct,
});

export const withTemperature = (one: Answered, temperature: number): Answered =>
  changed(
    one,
    one.logits.map((logit) => logit / temperature),
  );

/** Undefined where a label has no bias. */
export function withLabelBias(one: Answered, { labels }: Question, bias: LabelBias): Answered | undefined {
  if (labels.some((label) => !bias.has(label))) return undefined;
  return changed(
    one,
    one.logits.map((logit, at) => logit - (bias.get(labels[at] ?? -1) ?? 0)),
  );
}

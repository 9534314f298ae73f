/** The difference that effects are shares of: it has to be more than nothing, and of the sign that its names say. */
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { quotedToken } from '../../../protocol/wire/token-name';
import { threeDigits } from '../../../protocol/wire/number-words';
import { metricWords } from './metric';
import { refusal } from '../../../protocol/wire/failures';
import * as field from '../../../kernels/parameters';

/** Below this a difference is float32's rounding, and shares of it are noise. */
export const rounding = 1e-6;

/** `between`: what the two sides are, as a parameter is described. */
export const leastGapParameter = (between: string) =>
  field.number(
    'Least difference',
    `Between ${between}, in the unit of the metric: effects are shares of it, and with less the run is refused.`,
    { min: 0, max: 1e6, default: 0.01 },
  );

const withUnit = (value: number, unit: string): string => `${threeDigits(value)}${unit === '' ? '' : ` ${unit}`}`;

/** Fails with a sentence where the metric hardly differs `between` the two sides. */
export function requireGap(
  gap: number,
  least: number,
  metric: EffectMetric,
  { between, next }: { readonly between: string; readonly next: string },
): void {
  if (Math.abs(gap) >= least) return;
  const { name, unit } = metricWords[metric];
  throw refusal(
    `The ${name} differs by ${withUnit(Math.abs(gap), unit)} between ${between}. Effects are shares of this difference, and below ${withUnit(least, unit)} they say nothing. ${next}`,
  );
}

export const pairGap = {
  between: 'the clean and the corrupted prompts',
  next: 'Choose another counterpart or metric, or a model that does the task.',
} as const;

export const partsGap = {
  between: 'the whole model and one without any of its parts',
  next: 'Choose another ablation or metric, or a model that does the task.',
} as const;

/** A sentence on what is asked of the prompts; empty where the prompts say it. */
export function answerWords(
  metric: EffectMetric,
  answers: { readonly right: string; readonly wrong?: string } | undefined,
): string {
  if (!answers) return '';
  if (metric === 'similarity') return ` Compared with: "${answers.right}".`;
  const against = answers.wrong === undefined ? '' : ` against ${quotedToken(answers.wrong)}`;
  return ` Answer: ${quotedToken(answers.right)}${against}.`;
}

/** `the logit difference of "␣Mary" against "␣John"` */
export function askedWords(
  metric: EffectMetric,
  answers: { readonly right: string; readonly wrong?: string } | undefined,
): string {
  const { name } = metricWords[metric];
  if (!answers) return name;
  // A text, whose spaces are spaces.
  if (metric === 'similarity') return `${name} to "${answers.right}"`;
  const against = answers.wrong === undefined ? '' : ` against ${quotedToken(answers.wrong)}`;
  return `${name} of ${quotedToken(answers.right)}${against}`;
}

/**
 * A warning where the clean prompts do worse than the corrupted ones, as they do where right and wrong answer are exchanged:
 * an effect is then a share of the way to the worse of the two.
 */
export function worseWords(
  metric: EffectMetric,
  clean: { readonly mean: number },
  corrupted: { readonly mean: number },
): readonly string[] {
  // Neither of two texts that are more or less alike does worse.
  if (metric === 'similarity') return [];
  const worse = metric === 'loss' ? clean.mean > corrupted.mean : clean.mean < corrupted.mean;
  if (!worse) return [];
  const { name, unit } = metricWords[metric];
  return [
    `The clean prompts do worse than the corrupted ones (${name} ${withUnit(clean.mean, unit)} and ${withUnit(corrupted.mean, unit)}): check whether the answers, or the two prompts, are exchanged.`,
  ];
}

/** The result of the experiment `rfa-lens`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, list, number, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { targetNames } from './targets';
import { modelNames } from './trial';

const curveNames = ['examples', 'heads', 'mean'] as const;

const [T1, T2, mixed] = targetNames;

/** One fit. */
const measured = object({
  /** What varies along its curve: the number of examples, of heads, or w0 (the model is BRFA, with w0 = 0 RFA). */
  curve: oneOf(curveNames),
  at: number,
  model: oneOf(modelNames),
  /** Counted from 0. */
  run: whole,
  /** Test error of T1, T2 and the mixed target: mean of (f - y)^2 over mean of y^2. */
  [T1]: figure,
  [T2]: figure,
  [mixed]: figure,
});
export type Measured = Output<typeof measured>;

export const lensResult = object({
  sizes: object({
    dimension: count,
    keys: count,
    heads: count,
    examples: count,
    /** Examples of the curves of heads and of w0. */
    fewExamples: count,
    runs: count,
    meanStrength: number,
    /** p of T1 and of T2. */
    first: count,
    second: count,
    /** t of the mixed target, degrees. */
    angle: number,
  }),
  /** Error of the mean of each target in place of a model: its variance over its mean square. */
  constant: object({ [T1]: figure, [T2]: figure, [mixed]: figure }),
  measured: list(measured, 'a list of fits', { most: 10_000 }),
  folder: optional(text),
});
export type LensResult = Output<typeof lensResult>;

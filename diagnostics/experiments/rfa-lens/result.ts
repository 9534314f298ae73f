/** The result of the experiment `rfa-lens`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, number, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { targetNames, type TargetName } from './targets';
import { modelNames, type ModelName } from './trial';

export const curveNames = ['examples', 'heads', 'mean'] as const;

/** One fit. */
export interface Measured {
  /** What varies along its curve: the number of examples, of heads, or w0 (the model is BRFA, with w0 = 0 RFA). */
  readonly curve: (typeof curveNames)[number];
  readonly at: number;
  readonly model: ModelName;
  /** Counted from 0. */
  readonly run: number;
  /** Test error of T1, T2 and the mixed target: mean of (f - y)^2 over mean of y^2. */
  readonly T1: number;
  readonly T2: number;
  readonly mixed: number;
}

interface Fields {
  readonly sizes: {
    readonly dimension: number;
    readonly keys: number;
    readonly heads: number;
    readonly examples: number;
    /** Examples of the curves of heads and of w0. */
    readonly fewExamples: number;
    readonly runs: number;
    readonly meanStrength: number;
    /** p of T1 and of T2. */
    readonly first: number;
    readonly second: number;
    /** t of the mixed target, degrees. */
    readonly angle: number;
  };
  /** Error of the mean of each target in place of a model: its variance over its mean square. */
  readonly constant: Readonly<Record<TargetName, number>>;
  readonly measured: readonly Measured[];
  readonly folder?: string;
}

export interface LensResult extends Fields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<Fields, keyof Fields>;

const [T1, T2, mixed] = targetNames;

export const lensResult: Schema<LensResult> = object<Named>({
  sizes: object<Fields['sizes']>({
    dimension: count,
    keys: count,
    heads: count,
    examples: count,
    fewExamples: count,
    runs: count,
    meanStrength: number,
    first: count,
    second: count,
    angle: number,
  }),
  constant: object<Fields['constant']>({ [T1]: figure, [T2]: figure, [mixed]: figure }),
  measured: list(
    object<Measured>({
      curve: oneOf(curveNames),
      at: number,
      model: oneOf(modelNames),
      run: whole,
      [T1]: figure,
      [T2]: figure,
      [mixed]: figure,
    }),
    'a list of fits',
    { most: 10_000 },
  ),
  folder: optional(text),
});

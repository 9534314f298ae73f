/** The result of the analysis `retrieval-head`, and its schema. Heads are query heads; tables are [layers][heads]. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Output, Schema } from '../../../protocol/schema/check';
import * as v from 'valibot';
import { headPlanField } from '../../../protocol/plans/head-plan';
import { headScores } from '../../../protocol/plans/formats/head-scores';
import {
  figure,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
  wholeFrom,
} from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import { countings, type HeadTable } from '../../shared/retrieval/copy-events';
import { maskModes } from '../../shared/retrieval/masking';
import { setKinds } from './head-sets';

const perHead: Schema<HeadTable> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
/** Attention of the rows that produced the answer: means of the mass, which sum to 1. */
const looked = object({ needle: figure, firstToken: figure, elsewhere: figure });
export type Looked = Output<typeof looked>;

/** Means over the tests that passed, or failed; NaN where there is none. */
const lookedByHead = object({
  tests: whole,
  needle: perHead,
  firstToken: perHead,
  /** Over the top heads. */
  top: looked,
});
export type LookedByHead = Output<typeof lookedByHead>;

const places: Schema<readonly HeadPlace[]> = list(
  object({ layer: wholeFrom(0, mostLayers - 1), head: wholeFrom(0, mostHeads - 1) }),
  'a list of heads',
  { most: mostHeadsInAll },
);
const mostTests = 100_000;

// As named, which an interface with an index signature leaves out of `keyof`.
const testResult = object({
  length: figure,
  /** 0 at the beginning of the prompt, 1 at its end. */
  depth: figure,
  passed: flag,
  /** A token of the needle stands elsewhere in the prompt as well. */
  repeated: flag,
  recall: figure,
  /** The question: the end of the prompt. */
  question: text,
  expected: text,
  answer: text,
  /** By the top heads; NaN where no head has a score. */
  looked,
  /** By generated token: share of the top heads whose most-read key is of the needle, and is the first token. */
  strip: object({ needle: list(figure), firstToken: list(figure) }),
});
export type TestResult = Output<typeof testResult>;

const maskedResult = object({
  kind: oneOf(setKinds),
  /** `top 4`, `random 4`, `random 4, draw 2`, `chosen`. */
  name: text,
  heads: places,
  tests: whole,
  passed: whole,
  share: figure,
  /** Wilson's 95 % interval of the share. */
  low: figure,
  high: figure,
  /** Mean recall. */
  recall: figure,
  /** By test, as far as they were run. */
  answers: list(object({ answer: text, recall: figure })),
});
export type MaskedResult = Output<typeof maskedResult>;

const grid = object({
  lengths: list(figure),
  depths: list(figure),
  /** Mean recall with all heads and without each set, [1 + sets][depths][lengths]; NaN for a cell without a test. */
  recall: list(list(list(figure))),
});
export type Grid = Output<typeof grid>;

const scorePlan = object({
  of: oneOf(['run', 'file']),
  /** What keeps everything, as it was asked for, e.g. `25%`. */
  keep: text,
  /** [layers][key/value heads]; each scores what the best of its query heads scores. */
  heads: list(list(headPlanField, 'a list of heads', { most: mostHeads }), 'a list of layers', {
    most: mostLayers,
  }),
});
export type ScorePlan = Output<typeof scorePlan>;

const published = object({
  file: text,
  scores: perHead,
  /** Pearson's r of the mean scores, over the heads that both have. */
  pearson: figure,
  heads: whole,
});
export type Published = Output<typeof published>;

const fields = object({
  counting: oneOf(countings),
  /** An answer passes above it. */
  needed: figure,
  /** Tests that were run, and that passed with all heads. */
  tests: whole,
  passed: whole,
  passedShare: figure,
  passedLow: figure,
  passedHigh: figure,
  /** Mean recall of all tests. */
  recall: figure,
  /** Means over the tests that passed; NaN where none did. */
  scores: perHead,
  activationFrequency: perHead,
  bins: list(object({ bin: text, heads: whole, share: figure })),
  /** By `layer-head`: the score in each test that passed, in the shape of the authors’ files. */
  headScores,
  /** Whose reading the tests show: the highest scores, at most 8; where no head has one, the chosen heads. */
  topHeads: places,
  byTest: list(testResult, 'a list of tests', { most: mostTests }),
  looked: object({ passed: lookedByHead, failed: lookedByHead }),
  mode: oneOf(maskModes),
  masked: list(maskedResult),
  /** Sets that could not be made. */
  notMasked: texts,
  /** What was left out, and why: lines of a file, prompts without a needle. */
  notes: texts,
  /** Where lengths and depths were asked for. */
  grid: optional(grid),
  /** Cache plans by the scores of this run, and by those of the published file; absent in older results. */
  plans: optional(list(scorePlan)),
  published: optional(published),
});

export const retrievalHeadResult = v.pipe(
  fields,
  v.check(
    ({ scores, activationFrequency, looked: { passed, failed } }) =>
      [activationFrequency, passed.needle, passed.firstToken, failed.needle, failed.firstToken].every(
        (table) => table.length === scores.length && table.every((row, at) => row.length === scores[at]?.length),
      ),
    'a result whose tables are of one size',
  ),
  v.check(
    ({ scores, topHeads, masked }) =>
      [...topHeads, ...masked.flatMap(({ heads }) => heads)].every(
        ({ layer, head }) => scores[layer]?.[head] !== undefined,
      ),
    'a result whose heads are of its tables',
  ),
);
export type RetrievalHeadResult = Output<typeof retrievalHeadResult>;

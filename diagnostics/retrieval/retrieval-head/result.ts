/** The result of the analysis `retrieval-head`, and its schema. Heads are query heads; tables are [layers][heads]. */
import * as v from 'valibot';
import { headPlanField, type HeadPlan } from '../../../protocol/plans/head-plan';
import { headScores, type HeadScores } from '../../../protocol/results/head-scores';
import type { Schema } from '../../../protocol/schema/check';
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
import type { HeadPlace } from '../../model-runner/variant';
import { countings, type Counting, type HeadTable } from '../../shared/retrieval/copy-events';
import { maskModes, type MaskMode } from '../../shared/retrieval/masking';
import { setKinds, type HeadSet } from './head-sets';

/** Attention of the rows that produced the answer: means of the mass, which sum to 1. */
export interface Looked {
  readonly needle: number;
  readonly firstToken: number;
  readonly elsewhere: number;
}

export interface TestResult {
  readonly length: number;
  /** 0 at the beginning of the prompt, 1 at its end. */
  readonly depth: number;
  readonly passed: boolean;
  /** A token of the needle stands elsewhere in the prompt as well. */
  readonly repeated: boolean;
  readonly recall: number;
  /** The question: the end of the prompt. */
  readonly question: string;
  readonly expected: string;
  readonly answer: string;
  /** By the top heads; NaN where no head has a score. */
  readonly looked: Looked;
  /** By generated token: share of the top heads whose most-read key is of the needle, and is the first token. */
  readonly strip: { readonly needle: readonly number[]; readonly firstToken: readonly number[] };
}

/** Means over the tests that passed, or failed; NaN where there is none. */
export interface LookedByHead {
  readonly tests: number;
  readonly needle: HeadTable;
  readonly firstToken: HeadTable;
  /** Over the top heads. */
  readonly top: Looked;
}

export interface MaskedResult extends Omit<HeadSet, 'count'> {
  readonly tests: number;
  readonly passed: number;
  readonly share: number;
  /** Wilson's 95 % interval of the share. */
  readonly low: number;
  readonly high: number;
  /** Mean recall. */
  readonly recall: number;
  /** By test, as far as they were run. */
  readonly answers: readonly { readonly answer: string; readonly recall: number }[];
}

export interface Grid {
  readonly lengths: readonly number[];
  readonly depths: readonly number[];
  /** Mean recall with all heads and without each set, [1 + sets][depths][lengths]; NaN for a cell without a test. */
  readonly recall: readonly (readonly (readonly number[])[])[];
}

export interface RetrievalHeadResult extends Readonly<Record<string, unknown>> {
  readonly counting: Counting;
  /** An answer passes above it. */
  readonly needed: number;
  /** Tests that were run, and that passed with all heads. */
  readonly tests: number;
  readonly passed: number;
  readonly passedShare: number;
  readonly passedLow: number;
  readonly passedHigh: number;
  /** Mean recall of all tests. */
  readonly recall: number;
  /** Means over the tests that passed; NaN where none did. */
  readonly scores: HeadTable;
  readonly activationFrequency: HeadTable;
  readonly bins: readonly { readonly bin: string; readonly heads: number; readonly share: number }[];
  /** By `layer-head`: the score in each test that passed, in the shape of the authors’ files. */
  readonly headScores: HeadScores;
  /** Whose reading the tests show: the highest scores, at most 8; where no head has one, the chosen heads. */
  readonly topHeads: readonly HeadPlace[];
  readonly byTest: readonly TestResult[];
  readonly looked: { readonly passed: LookedByHead; readonly failed: LookedByHead };
  readonly mode: MaskMode;
  readonly masked: readonly MaskedResult[];
  /** Sets that could not be made. */
  readonly notMasked: readonly string[];
  /** What was left out, and why: lines of a file, prompts without a needle. */
  readonly notes: readonly string[];
  /** Where lengths and depths were asked for. */
  readonly grid?: Grid;
  readonly published?: Published;
  /** Cache plans by the scores of this run, and by those of the published file; absent in older results. */
  readonly plans?: readonly ScorePlan[];
}

export interface ScorePlan {
  readonly of: 'run' | 'file';
  /** What keeps everything, as it was asked for, e.g. `25%`. */
  readonly keep: string;
  /** [layers][key/value heads]; each scores what the best of its query heads scores. */
  readonly heads: readonly (readonly HeadPlan[])[];
}

export interface Published {
  readonly file: string;
  readonly scores: HeadTable;
  /** Pearson's r of the mean scores, over the heads that both have. */
  readonly pearson: number;
  readonly heads: number;
}

const perHead: Schema<HeadTable> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const looked: Schema<Looked> = object<Looked>({ needle: figure, firstToken: figure, elsewhere: figure });
const lookedByHead: Schema<LookedByHead> = object<LookedByHead>({
  tests: whole,
  needle: perHead,
  firstToken: perHead,
  top: looked,
});
const places: Schema<readonly HeadPlace[]> = list(
  object<HeadPlace>({ layer: wholeFrom(0, mostLayers - 1), head: wholeFrom(0, mostHeads - 1) }),
  'a list of heads',
  { most: mostHeadsInAll },
);
const mostTests = 100_000;

// As named, which an interface with an index signature leaves out of `keyof`.
type Named = {
  readonly [K in keyof RetrievalHeadResult as string extends K ? never : K]: RetrievalHeadResult[K];
};

const fields: Schema<Named> = object<Named>({
  counting: oneOf(countings),
  needed: figure,
  tests: whole,
  passed: whole,
  passedShare: figure,
  passedLow: figure,
  passedHigh: figure,
  recall: figure,
  scores: perHead,
  activationFrequency: perHead,
  bins: list(object<RetrievalHeadResult['bins'][number]>({ bin: text, heads: whole, share: figure })),
  headScores,
  topHeads: places,
  byTest: list(
    object<TestResult>({
      length: figure,
      depth: figure,
      passed: flag,
      repeated: flag,
      recall: figure,
      question: text,
      expected: text,
      answer: text,
      looked,
      strip: object<TestResult['strip']>({ needle: list(figure), firstToken: list(figure) }),
    }),
    'a list of tests',
    { most: mostTests },
  ),
  looked: object<RetrievalHeadResult['looked']>({ passed: lookedByHead, failed: lookedByHead }),
  mode: oneOf(maskModes),
  masked: list(
    object<MaskedResult>({
      kind: oneOf(setKinds),
      name: text,
      heads: places,
      tests: whole,
      passed: whole,
      share: figure,
      low: figure,
      high: figure,
      recall: figure,
      answers: list(object<MaskedResult['answers'][number]>({ answer: text, recall: figure })),
    }),
  ),
  notMasked: texts,
  notes: texts,
  grid: optional(object<Grid>({ lengths: list(figure), depths: list(figure), recall: list(list(list(figure))) })),
  plans: optional(
    list(
      object<ScorePlan>({
        of: oneOf(['run', 'file']),
        keep: text,
        heads: list(list(headPlanField, 'a list of heads', { most: mostHeads }), 'a list of layers', {
          most: mostLayers,
        }),
      }),
    ),
  ),
  published: optional(object<Published>({ file: text, scores: perHead, pearson: figure, heads: whole })),
});

export const retrievalHeadResult: Schema<RetrievalHeadResult> = v.pipe(
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

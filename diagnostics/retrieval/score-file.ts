/**
 * Scores of heads as the authors of arXiv:2404.15574 publish them (github.com/nightdessert/Retrieval_Head, folder head_score): an
 * object that gives for each `layer-head` the list of its scores, one for each test whose answer passed.
 */
import * as v from 'valibot';
import { sampleCorrelation } from 'simple-statistics';
import { parseJson, type Checked, type Schema } from '../../protocol/schema/check';
import { fieldsIn, figure, list, record } from '../../protocol/schema/fields';
import { mostHeadsInAll } from '../../protocol/schema/parts';
import type { HeadTable } from './copy-events';

export type HeadScores = Readonly<Record<string, readonly number[]>>;

const keyForm = /^(\d+)-(\d+)$/u;

export const headScores: Schema<HeadScores> = v.pipe(
  record(list(figure, 'a list of scores'), 'an object of lists of scores', { most: mostHeadsInAll }),
  v.check((scores) => Object.keys(scores).every((key) => keyForm.test(key)), 'an object of scores by "layer-head"'),
);

/** `tests`: of each test that counts, [layers][heads]. */
export function headScoresOf(tests: readonly HeadTable[]): HeadScores {
  const [first = []] = tests;
  const all: Record<string, number[]> = {};
  first.forEach((heads, layer) =>
    heads.forEach((_, head) => {
      all[`${layer}-${head}`] = tests.map((test) => test[layer]?.[head] ?? 0);
    }),
  );
  return all;
}

/** A published file, or a saved result of Headscope, which holds the same object as `headScores`. */
export function parseHeadScores(text: string): Checked<HeadScores> {
  const file: Schema<HeadScores> = v.pipe(
    v.unknown(),
    v.transform((value) => fieldsIn(fieldsIn(value)['result'])['headScores'] ?? value),
    headScores,
  ) as Schema<unknown> as Schema<HeadScores>;
  return parseJson(file, text);
}

/** Mean score by head of a model of this shape; NaN where the file has none. */
export function meanScores(scores: HeadScores, shape: readonly { readonly heads: number }[]): HeadTable {
  return shape.map(({ heads }, layer) =>
    Array.from({ length: heads }, (_, head) => {
      const all = scores[`${layer}-${head}`] ?? [];
      return all.reduce((sum, one) => sum + one, 0) / all.length;
    }),
  );
}

/** Pearson's r over the heads that both have; NaN of fewer than two, or where one of them does not vary. */
export function pearson(a: HeadTable, b: HeadTable): { readonly r: number; readonly heads: number } {
  const pairs = a.flatMap((row, layer) => row.map((one, head) => [one, b[layer]?.[head] ?? Number.NaN] as const));
  const both = pairs.filter(([one, other]) => Number.isFinite(one) && Number.isFinite(other));
  const [left, right] = [both.map(([one]) => one), both.map(([, other]) => other)];
  const varies = (of: readonly number[]): boolean => new Set(of).size > 1;
  const r = varies(left) && varies(right) ? sampleCorrelation(left, right) : Number.NaN;
  return { r, heads: both.length };
}

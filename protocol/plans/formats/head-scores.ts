/**
 * Scores of heads as the authors of arXiv:2404.15574 publish them (github.com/nightdessert/Retrieval_Head, folder head_score): an
 * object that gives for each `layer-head` the list of its scores, one for each test whose answer passed. Heads are query heads.
 */
import * as v from 'valibot';
import { parseJson, type Checked, type Schema } from '../../schema/check';
import { fieldsIn, figure, list, record } from '../../schema/fields';
import { mostHeadsInAll } from '../../schema/parts';

export type HeadScores = Readonly<Record<string, readonly number[]>>;

const keyForm = /^(\d+)-(\d+)$/u;

export const headScores: Schema<HeadScores> = v.pipe(
  record(list(figure, 'a list of scores'), 'an object of lists of scores', { most: mostHeadsInAll }),
  v.check((scores) => Object.keys(scores).every((key) => keyForm.test(key)), 'an object of scores by "layer-head"'),
);

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
export function meanScores(
  scores: HeadScores,
  shape: readonly { readonly heads: number }[],
): readonly (readonly number[])[] {
  return shape.map(({ heads }, layer) =>
    Array.from({ length: heads }, (_, head) => {
      const all = scores[`${layer}-${head}`] ?? [];
      return all.reduce((sum, one) => sum + one, 0) / all.length;
    }),
  );
}

/** Texts of a model, before and after a change. */
import { type KindOutput, figure, list, object, optional, text, texts } from '../schema/fields';
import { base, mostNumbers, mostRows } from './section-base';

export const generations = {
  ...base,
  /** `before`, `after`; or the name of each of several variants. */
  variants: list(text, 'a list of variants', { most: mostNumbers }),
  items: list(
    object({
      title: text,
      prompt: optional(text),
      /** By variant. */
      texts,
      /** By variant: what the text scored, in the words of `score`. */
      scores: optional(list(figure, 'a list of scores', { most: mostNumbers })),
    }),
    'a list of texts',
    { most: mostRows },
  ),
  score: optional(object({ title: text, unit: text })),
};
export type GenerationsSection = KindOutput<'generations', typeof generations>;

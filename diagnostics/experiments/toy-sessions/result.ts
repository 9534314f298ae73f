/** The result of the experiment `toy-sessions`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { list, numbers, object, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** One test episode of the first run. */
const shownEpisode = object({
  units: texts,
  /** Cosines before and after training, [questions][units]. */
  before: list(numbers),
  after: list(numbers),
  /** Unit with the answer of each question, and the one that is read most with links. */
  answers: list(whole),
  read: list(whole),
  questions: texts,
});
export type ShownEpisode = Output<typeof shownEpisode>;

export const toySessionsResult = object({
  arms: armsResult,
  shown: optional(shownEpisode),
  folder: optional(text),
});
export type ToySessionsResult = Output<typeof toySessionsResult>;

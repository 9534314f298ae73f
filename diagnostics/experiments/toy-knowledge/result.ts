/** The result of the experiment `toy-knowledge`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { list, number, numbers, object, optional, text, texts } from '../../../protocol/schema/fields';
import { armsResult } from '../../shared/training/arms';

/** One test document as the network that reads both sources sees it; its first run. */
const shownDocument = object({
  words: texts,
  knowledge: texts,
  /** Topics that it has, from 1. */
  labels: list(number),
  /** [topics][words], [topics][words of knowledge] */
  document: list(numbers),
  known: list(numbers),
  /** [topics] */
  mix: numbers,
  probabilities: numbers,
});
export type ShownDocument = Output<typeof shownDocument>;

export const toyKnowledgeResult = object({
  arms: armsResult,
  shown: optional(shownDocument),
  folder: optional(text),
});
export type ToyKnowledgeResult = Output<typeof toyKnowledgeResult>;

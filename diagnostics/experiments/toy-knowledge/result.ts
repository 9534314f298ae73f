/** The result of the experiment `toy-knowledge`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { list, number, numbers, object, optional, text, texts } from '../../../protocol/schema/fields';
import { armsResult, type ArmsResult } from '../../shared/training/arms';

/** One test document as the network that reads both sources sees it; its first run. */
export interface ShownDocument {
  readonly words: readonly string[];
  readonly knowledge: readonly string[];
  /** Topics that it has, from 1. */
  readonly labels: readonly number[];
  /** [topics][words], [topics][words of knowledge] */
  readonly document: readonly (readonly number[])[];
  readonly known: readonly (readonly number[])[];
  /** [topics] */
  readonly mix: readonly number[];
  readonly probabilities: readonly number[];
}

interface Fields {
  readonly arms: ArmsResult;
  readonly shown?: ShownDocument;
  readonly folder?: string;
}

export interface ToyKnowledgeResult extends Fields, Readonly<Record<string, unknown>> {}

export const toyKnowledgeResult: Schema<ToyKnowledgeResult> = object<Pick<Fields, keyof Fields>>({
  arms: armsResult,
  shown: optional(
    object<ShownDocument>({
      words: texts,
      knowledge: texts,
      labels: list(number),
      document: list(numbers),
      known: list(numbers),
      mix: numbers,
      probabilities: numbers,
    }),
  ),
  folder: optional(text),
});

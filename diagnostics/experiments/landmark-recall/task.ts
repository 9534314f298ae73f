/**
 * The task of the experiment `landmark-recall`: filler tokens drawn evenly from V values, one of them marked (the pass key), and a
 * question at the end, whose answer is the marked value. A value is token v, marked V + v, the question 2 V, a landmark 2 V + 1.
 */
import type { Random } from '../../../kernels/tensors/random';
import { integers } from '../../../kernels/integers';
import { isLandmark } from '../../../kernels/mechanisms/landmark/rule';
import type { Batch } from '../../model-runner/trainer';

export interface PassKeyTask {
  /** V. */
  readonly values: number;
  /** B, ordinary tokens of a block. */
  readonly block: number;
  /** n, tokens of a sequence, landmarks among them. The question is the last, and no landmark. */
  readonly length: number;
  /** The key stands at least so many places before the end. */
  readonly apart: number;
  /** Whether landmarks are put in; else more filler stands in their places. */
  readonly landmarks: boolean;
}

export const vocabularyOf = (values: number): number => 2 * values + 2;

/** Tokens of the most whole blocks within `length`, the landmark of the last left out: the question stands in its place before it. */
export const wholeLength = (length: number, block: number): number =>
  Math.max(2, Math.floor(length / (block + 1))) * (block + 1) - 1;

export interface PassKeyText {
  readonly tokens: readonly number[];
  readonly answer: number;
  /** Place of the key. */
  readonly place: number;
}

/** Both kinds of sequences of one generator have the same filler, key and place. */
export function passKeyText({ values, block, length, apart, landmarks }: PassKeyTask, source: Random): PassKeyText {
  const landmark = (place: number): boolean => isLandmark({ block, open: 0 }, place);
  const tokens = integers(0, length).map(() => source.whole(values));
  const places = integers(0, Math.max(1, length - apart)).filter((place) => !landmark(place));
  const place = places[source.whole(places.length)]!;
  const answer = tokens[place]!;
  tokens[place] = values + answer;
  tokens[length - 1] = 2 * values;
  return {
    tokens: landmarks ? tokens.map((token, at) => (landmark(at) ? 2 * values + 1 : token)) : tokens,
    answer,
    place,
  };
}

/** `ids` int64 [b, n] and `answers` int64 [b, 1]. */
export function passKeyBatch(texts: readonly PassKeyText[]): Batch {
  const int64 = (numbers: readonly number[]): BigInt64Array => BigInt64Array.from(numbers, BigInt);
  return {
    ids: { data: int64(texts.flatMap(({ tokens }) => tokens)), shape: [texts.length, texts[0]?.tokens.length ?? 0] },
    answers: { data: int64(texts.map(({ answer }) => answer)), shape: [texts.length, 1] },
  };
}

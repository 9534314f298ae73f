/**
 * The task of the experiment `mixers-lm`: L tokens, of V values, drawn evenly; one of them (copy) or two (sum) are marked, at a distance of
 * L / 8 or more from the end, and the last place asks. The answer is the value that is marked, or the sum of both modulo V.
 * A value is token v, marked V + v, and the question is token 2 V.
 */
import type { Random } from '../../../kernels/tensors/random';
import { batchSize, type DrawnText } from '../../shared/training/mixer-arms';
import { mixerBatch } from '../../shared/training/mixer-lm';

export interface FarTask {
  readonly kind: 'copy' | 'sum';
  readonly values: number;
  readonly length: number;
}

export const tokensOf = ({ values }: FarTask): number => 2 * values + 1;

/** L tokens and the answer, which the last place has to predict. */
export function farSequence({ kind, values, length }: FarTask, source: Random): readonly number[] {
  const tokens = Array.from({ length }, (_, place) => (place === length - 1 ? 2 * values : source.whole(values)));
  // Places 0 to length - 1 - ceil(length / 8).
  const places = length - Math.ceil(length / 8);
  const first = source.whole(places);
  const marked = kind === 'copy' ? [first] : [first, (first + 1 + source.whole(places - 1)) % places];
  const answer = marked.reduce((sum, place) => sum + tokens[place]!, 0) % values;
  for (const place of marked) tokens[place]! += values;
  return [...tokens, answer];
}

/** Only the last place counts. */
export const farText = (task: FarTask): DrawnText => ({
  first: task.length - 1,
  best: { accuracy: 1, loss: 0 },
  batch: (source) =>
    mixerBatch(
      Array.from({ length: batchSize }, () => farSequence(task, source)),
      (place) => place === task.length - 1,
    ),
});

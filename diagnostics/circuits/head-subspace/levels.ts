/** Means over prompts with their 95 % intervals. */
import type { Answered } from '../../shared/choices/answers';
import { meanInterval, wilson, type MeasuredMean } from '../../shared/statistics/proportion';
import type { Answers } from './result';
import { mean } from '../../../kernels/tensors/vectors';

export function answersLevel(answers: readonly (Pick<Answered, 'loss' | 'correct'> | undefined)[]): Answers {
  const known = answers.flatMap((one) => one ?? []);
  return {
    loss: meanInterval(known.map(({ loss }) => loss)),
    accuracy: shareLevel(known.map(({ correct }) => correct)),
  };
}

export function shareLevel(of: readonly boolean[]): MeasuredMean {
  const share = mean(of.map(Number));
  return of.length === 0 ? { mean: share, low: share, high: share } : { mean: share, ...wilson(share, of.length) };
}

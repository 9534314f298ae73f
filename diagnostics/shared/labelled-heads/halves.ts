/** Prompts on which heads are chosen, and prompts on which the choice is judged. */
import type { Output } from '../../../protocol/schema/check';
import type { Random } from '../../../kernels/tensors/random';
import { count, figure, object } from '../../../protocol/schema/fields';
import { refusal } from '../../../protocol/wire/failures';
import { meanInterval } from '../statistics/proportion';
import { scoreOf, type Answered } from './questions';

/** Drawn at random: a file may be in order of its labels. */
export function halves<T>(
  all: readonly T[],
  random: Random,
): readonly [calibration: readonly T[], heldOut: readonly T[]] {
  if (all.length < 2) {
    throw refusal(
      'There is one prompt, and heads are chosen on one half of the prompts and judged on the other. Take more samples.',
    );
  }
  const shuffled = drawn(all, all.length, random);
  const half = Math.ceil(all.length / 2);
  return [shuffled.slice(0, half), shuffled.slice(half)];
}

/** As many of them, none twice. */
export function drawn<T>(all: readonly T[], count: number, random: Random): readonly T[] {
  const left = [...all];
  return Array.from({ length: count }, () => left.splice(random.whole(left.length), 1)).flat();
}

/** Accuracy of the held-out prompts, and the 95 % interval of its change over them (Student's t of the paired differences). */
export const heldOutField = object({
  before: figure,
  after: figure,
  change: figure,
  low: figure,
  high: figure,
  n: count,
});
export type HeldOut = Output<typeof heldOutField>;

export function changeOf(plain: readonly Answered[], changed: readonly Answered[]): HeldOut {
  const share = (one: Answered | undefined): number => (one?.correct ? 1 : 0);
  const { mean: change, low, high } = meanInterval(plain.map((one, at) => share(changed[at]) - share(one)));
  return {
    before: scoreOf(plain).accuracy,
    after: scoreOf(changed).accuracy,
    change,
    low,
    high,
    n: plain.length,
  };
}

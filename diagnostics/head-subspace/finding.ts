/** What a run on the directions of one head says in a few sentences. */
import { partName } from '../effects/parts';
import { percent } from '../multiple-choice/finding';
import { counted, threeDigits } from '../words';
import type { Compressed, SubspaceResult } from './result';

export const isMeasured = (result: Partial<SubspaceResult>): result is SubspaceResult =>
  result.full !== undefined && result.ablated !== undefined && result.compressed !== undefined;

/** Everything in the directions that are kept. */
const chosenOf = ({ compressed, rank }: SubspaceResult): Compressed | undefined =>
  compressed.find((one) => one.input === 'all' && one.rank === rank);

/** A loss that differs less from another is as good as the same, in nats. */
const leastDifference = 0.01;

export function finding(result: Partial<SubspaceResult>): string {
  if (!isMeasured(result)) return 'No prompt was run yet.';
  const { head, named, direct, full, ablated, chance, rank, held, random, mutations } = result;
  const name = partName(head);
  const loss = (value: number): string => threeDigits(value);
  const words = [
    `${name}${named ? '' : `, the head with the largest direct effect on the right label (${threeDigits(direct)} logits),`} is looked at on ${held} held-out prompts, of which the model answers ${percent(full.held.accuracy.mean)} by letter (chance: ${percent(chance.accuracy)}).`,
  ];
  if (!(full.held.accuracy.low > chance.accuracy)) {
    words.push('That is not better than chance, so that directions of a head explain no skill.');
  }
  const [whole, without] = [full.held.loss.mean, ablated.held.loss.mean];
  if (Math.abs(without - whole) < leastDifference) {
    words.push(
      `With its mean output in its place the loss is ${loss(without)} nats instead of ${loss(whole)}: without the head little is lost here, so little can be kept.`,
    );
  } else {
    const chosen = chosenOf(result);
    const others = random.map((one) => one.held.loss.mean);
    words.push(
      `The loss is ${loss(whole)} nats, ${loss(without)} with the mean output of the head in its place, and ${loss(chosen?.held.loss.mean ?? Number.NaN)} with ${counted(rank, 'direction', 'directions')} of query, keys and values${others.length > 0 ? ` (random directions: ${loss(Math.min(...others))} at best)` : ''}.`,
    );
  }
  const moved = mutations.filter(({ after }) => !Number.isNaN(after.mean));
  if (moved.length > 0) {
    const parts = moved.map(({ mutation, before, after }) => `${mutation} ${loss(before.mean)} to ${loss(after.mean)}`);
    words.push(
      `With the query of another place, attention to the label of that place goes from and to: ${parts.join('; ')}.`,
    );
  }
  return words.join(' ');
}

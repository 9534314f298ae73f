/** What a run on the directions of one head says in a few sentences. */
import { partName } from '../../shared/effects/parts';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import { leastLowered, type Compressed, type SubspaceResult } from './result';

export const isMeasured = (result: Partial<SubspaceResult>): result is SubspaceResult =>
  result.full !== undefined && result.ablated !== undefined && result.compressed !== undefined;

/** Everything in the directions that are kept. */
const chosenOf = ({ compressed, rank }: SubspaceResult): Compressed | undefined =>
  compressed.find((one) => one.input === 'all' && one.rank === rank);

const nameWords = { usual: 'usual letters', 'random letters': 'random ones' } as const;

export function finding(result: Partial<SubspaceResult>): string {
  if (!isMeasured(result)) return 'No prompt was run yet.';
  const { head, named, direct, onLabels, onOptions, at, full, ablated, chance, rank, held, random, mutations } = result;
  const name = partName(head);
  const loss = (value: number): string => threeDigits(value);
  const words = [
    `${name}${named ? '' : ', chosen by its direct effect,'} adds ${threeDigits(direct)} logits to the right label directly and gives labels ${percent(onLabels)} and options ${percent(onOptions)} of its attention. On ${held} held-out prompts the model answers ${percent(full.held.accuracy.mean)} by letter (chance: ${percent(chance.accuracy)}).`,
  ];
  if (!(full.held.accuracy.low > chance.accuracy)) {
    words.push('That is not better than chance, so that directions of a head explain no skill.');
  }
  const [whole, without] = [full.held.loss.mean, ablated.held.loss.mean];
  if (without - whole < leastLowered) {
    words.push(
      `With the mean output of the head in its place the loss is ${loss(without)} nats instead of ${loss(whole)}: the head lowers no loss here that directions could keep.`,
    );
  } else {
    const chosen = chosenOf(result);
    const others = random.map((one) => one.held.loss.mean);
    words.push(
      `The loss is ${loss(whole)} nats, ${loss(without)} with the mean output of the head in its place, and ${loss(chosen?.held.loss.mean ?? Number.NaN)} with ${counted(rank, 'direction', 'directions')} of its query and of keys and values at the ${at}${others.length > 0 ? ` (random directions: ${loss(Math.min(...others))} at best)` : ''}.`,
    );
  }
  const moved = (['usual', 'random letters'] as const).flatMap((kind) => {
    const row = mutations.find(({ mutation, after }) => mutation === kind && !Number.isNaN(after.mean));
    return row ? [`from ${loss(row.before.mean)} to ${loss(row.after.mean)} with ${nameWords[kind]}`] : [];
  });
  if (moved.length > 0) {
    words.push(
      `With the query of another place its attention to the ${at === 'labels' ? 'label' : 'option'} of that place goes ${moved.join(', ')}.`,
    );
  }
  return words.join(' ');
}

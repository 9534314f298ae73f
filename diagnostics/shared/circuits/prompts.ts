/** Prompts on which a circuit is found, and prompts that are held out to measure it. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { Pair } from '../effects/pairs';
import type { Subject } from '../effects/subjects';
import { refusal } from '../../../protocol/wire/failures';
import { drawn } from './verdict';

export interface Halves {
  readonly found: readonly Pair[];
  readonly held: readonly Pair[];
}

/** `heldOut`: percent, drawn by the seed. Fails with a sentence where there is only one. */
export function halves(pairs: readonly Pair[], heldOut: number, seed: number): Halves {
  if (pairs.length < 2) {
    throw refusal(
      'The task has one prompt with a counterpart, and a circuit is measured on others than it is found on. Give two or more samples.',
    );
  }
  const count = Math.min(pairs.length - 1, Math.max(1, Math.round((heldOut / 100) * pairs.length)));
  const held = new Set(drawn(pairs, count, random(seedFor(seed, 'held out'))));
  return { found: pairs.filter((pair) => !held.has(pair)), held: pairs.filter((pair) => held.has(pair)) };
}

export const subjectOf = ({ clean, corrupted, asked, right, roles }: Pair): Subject => ({
  sequence: clean,
  counterpart: corrupted,
  asked,
  right,
  roles,
});

/** Which map is faithful: the squares that it calls most relevant are hidden first, and the token should lose much. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { shuffled } from '../../tasks/draft';

/** Shares of the squares that are hidden. */
export const shares = [0.1, 0.2, 0.3, 0.5, 0.75] as const;

export const methods = ['occlusion', 'rollout', 'attention'] as const;
export type Method = (typeof methods)[number];

/** Squares from the most relevant on; the first of equals. */
export const ranked = (values: readonly number[]): readonly number[] =>
  [...values.keys()].sort((a, b) => order(values[b]) - order(values[a]) || a - b);

const order = (value = Number.NaN): number => (Number.isNaN(value) ? -Infinity : value);

export const drawnOrder = (squares: number, seed: number, draw: number): readonly number[] =>
  shuffled(random(seedFor(seed, `hidden squares, draw ${draw}`)), [...Array(squares).keys()]);

/** For each share the first squares of the order, at least one. */
export const hiddenSquares = (from: readonly number[]): readonly (readonly number[])[] =>
  shares.map((share) => from.slice(0, Math.max(1, Math.round(share * from.length))));

/** Share of one map's top tenth of the squares (at least one) that is also in the top tenth of the other map. */
export function sharedTop(one: readonly number[], other: readonly number[]): number {
  const count = Math.max(1, Math.round(one.length / 10));
  const first = ranked(other).slice(0, count);
  return (
    ranked(one)
      .slice(0, count)
      .filter((square) => first.includes(square)).length / count
  );
}

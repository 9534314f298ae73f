/**
 * Attribution patching as a first pass: gradients estimate the effects of all, and only those with the largest estimates are patched,
 * with a few of the others, drawn without looking at the estimates, that say what was missed.
 */
import type { Output } from '../../../protocol/schema/check';
import { random, seedFor } from '../../../kernels/tensors/random';
import { count, figure, object, whole } from '../../../protocol/schema/fields';
import { mean } from '../../../kernels/tensors/vectors';
import * as field from '../../../kernels/parameters';

/** Where there are no more than these, all are patched: gradients would save little. */
export const mostExact = { heads: 256, edges: 2048 } as const;
/** How many of the parts that gradients did not choose are drawn, to estimate what was missed. */
const drawnCount = 8;

export const exactShareParameter = (what: keyof typeof mostExact) =>
  field.number(
    `${what === 'heads' ? 'Heads' : 'Edges'} patched exactly`,
    `Share of the ${what} that is patched, largest estimate by the gradient first; 100: all, without gradients; 0: all of up to ${mostExact[what]}, a tenth of more.`,
    { min: 0, max: 100, default: 0, unit: '%' },
  );

/** Percent. */
export const shareOf = (asked: number, of: number, what: keyof typeof mostExact): number =>
  asked === 0 ? (of <= mostExact[what] ? 100 : 10) : asked;

/** Places in the list of all. */
export interface Patched {
  readonly largest: readonly number[];
  /** None of the largest. */
  readonly drawn: readonly number[];
}

/** How a first pass chose, and what it found. */
export const firstPassField = object({
  /** Patched for their estimates, and drawn beside them. */
  patched: count,
  drawn: whole,
  of: count,
  /**
   * Sum of the absolute exact effects of the largest, over that of all: what was drawn stands for the others. NaN where nothing
   * was drawn and others are left.
   */
  found: figure,
});
export type FirstPass = Output<typeof firstPassField>;

/** `estimates`: mean over prompts. */
export function patchedOf(estimates: readonly number[], percent: number, seed: number): Patched {
  const size = (at: number): number => Math.abs(estimates[at] ?? 0);
  const order = [...estimates.keys()].sort((a, b) => size(b) - size(a));
  const count = Math.min(order.length, Math.max(1, Math.ceil((percent / 100) * order.length)));
  const [largest, others] = [order.slice(0, count), order.slice(count)];
  const source = random(seedFor(seed, 'first pass'));
  const drawn: number[] = [];
  while (drawn.length < drawnCount && others.length > 0) drawn.push(...others.splice(source.whole(others.length), 1));
  return { largest, drawn };
}

/** `effect`: exact, mean over prompts. */
export function firstPassOf({ largest, drawn }: Patched, of: number, effect: (at: number) => number): FirstPass {
  const size = (at: number): number => Math.abs(effect(at));
  const held = largest.reduce((sum, at) => sum + size(at), 0);
  const left = of - largest.length;
  const missed = left === 0 ? 0 : left * mean(drawn.map(size));
  return { patched: largest.length, drawn: drawn.length, of, found: held + missed === 0 ? 1 : held / (held + missed) };
}

export const firstPassWords = ({ patched, drawn, of, found }: FirstPass, what: string): string =>
  `Gradients chose ${patched} of ${of} ${what} to be patched: they hold about ${(100 * found).toFixed(0)} % of all effects, by ${drawn} of the others drawn at random.`;

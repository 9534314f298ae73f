/** Accuracy by what was drawn: by length, by depth, by template. */
import type { Output } from '../../../protocol/schema/check';
import { figure, object, text, whole } from '../../../protocol/schema/fields';
import { wilson } from '../statistics/proportion';

/** A share with Wilson's 95 % interval. */
export const share = object({ value: figure, low: figure, high: figure, correct: whole, n: whole });
export type Share = Output<typeof share>;

/** Accuracy of the prompts that have one value of a fact. */
export const factShare = object({ fact: text, value: text, share });
export type FactShare = Output<typeof factShare>;

interface ScoredPrompt {
  readonly correct: boolean;
  /** Template, length, depth and the like. */
  readonly facts: Readonly<Record<string, number | string>>;
}

/** A fact that nearly every prompt has a value of its own of says nothing. */
const mostValues = 24;

export function shareOf(prompts: readonly Pick<ScoredPrompt, 'correct'>[]): Share {
  const n = prompts.length;
  const correct = prompts.filter((one) => one.correct).length;
  const value = correct / n;
  return { value, ...wilson(value, n), correct, n };
}

export function factShares(prompts: readonly ScoredPrompt[]): readonly FactShare[] {
  const names = [...new Set(prompts.flatMap(({ facts }) => Object.keys(facts)))];
  return names.flatMap((fact) => {
    const values = [...new Set(prompts.flatMap(({ facts }) => facts[fact] ?? []))];
    if (values.length < 2 || values.length > Math.min(mostValues, prompts.length / 2)) return [];
    return values.sort(rising).map((value) => {
      const own = prompts.filter(({ facts }) => facts[fact] === value);
      return { fact, value: String(value), share: shareOf(own) };
    });
  });
}

const rising = (a: number | string, b: number | string): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1;

/** Accuracy by what was drawn: by length, by depth, by template. */
import { wilson } from '../statistics/proportion';
import type { FactShare, PromptScore, Share } from '../../circuits/task-accuracy/result';

/** A fact that nearly every prompt has a value of its own of says nothing. */
const mostValues = 24;

export function shareOf(prompts: readonly Pick<PromptScore, 'correct'>[]): Share {
  const n = prompts.length;
  const correct = prompts.filter((one) => one.correct).length;
  const value = correct / n;
  return { value, ...wilson(value, n), correct, n };
}

export function factShares(prompts: readonly Pick<PromptScore, 'correct' | 'facts'>[]): readonly FactShare[] {
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

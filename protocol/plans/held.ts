/** What a plan keeps, position by position; the one definition that caches, masks and byte counts share. */
import type { HeadPlan } from './head-plan';
import type { Range } from '../schema/written-form';

/** A head's plan at a prompt of known length. */
export interface Held {
  /** First positions that are kept. */
  readonly sinks: number;
  /** Newest positions before the query that are kept; Infinity: all. */
  readonly recent: number;
  /** What is dropped is read as its mean. */
  readonly mean: boolean;
  /** What follows the prompt is kept beside the rest: the window stops at the end of the prompt. */
  readonly append: boolean;
  /** Positions of the prompt, in place of sinks and recents. */
  readonly ranges?: readonly Range[];
}

const everything: Held = { sinks: 0, recent: Infinity, mean: false, append: false };

/** `prompt`: tokens of the prompt, the n of elastic rules. */
export function heldOf(plan: HeadPlan, prompt: number): Held {
  switch (plan.kind) {
    case 'full':
      return everything;
    case 'recent': {
      const { sinks, recent, share = 0, mean = false, append = false } = plan;
      return { sinks, recent: Math.max(recent, Math.floor(share * prompt)), mean, append };
    }
    case 'span': {
      const { alpha, beta, sinks, least = 0, multiple = 1 } = plan;
      if (beta >= 1 && alpha >= 0) return everything;
      const size = Math.max(least, multiple * Math.ceil(Math.trunc(alpha + beta * prompt) / multiple), 0);
      const first = Math.min(size, sinks);
      return { sinks: first, recent: size - first, mean: false, append: false };
    }
    case 'kept':
      return { sinks: 0, recent: 0, mean: false, append: true, ranges: plan.ranges };
  }
}

export const keepsAll = ({ recent, ranges }: Held): boolean => recent === Infinity && ranges === undefined;

/** Half-open ranges of the positions before `query` that the query drops; none with `ranges` inside the prompt, which is dense. */
export function droppedBefore(held: Held, prompt: number, query: number): readonly Range[] {
  const { sinks, recent, append, ranges } = held;
  if (ranges) {
    if (query < prompt) return [];
    const gaps: Range[] = [];
    let start = 0;
    for (const each of [...ranges, { start: prompt, end: prompt }]) {
      const end = Math.min(each.start, prompt);
      if (start < end) gaps.push({ start, end });
      start = Math.max(start, each.end);
    }
    return gaps;
  }
  const end = (append ? Math.min(query, prompt) : query) - recent;
  return end > sinks ? [{ start: sinks, end }] : [];
}

/**
 * Rows that a head's cache holds once `length` positions were run, the mean of the others counted as one; of a window of the model's
 * own, which leaves the positions before `first` behind, those inside it.
 */
export function rowsHeld(held: Held, prompt: number, length: number, first = 0): number {
  const dropped = droppedBefore(held, prompt, length).reduce(
    (sum, { start, end }) => sum + Math.max(0, end - Math.max(start, first)),
    0,
  );
  return length - first - dropped + (held.mean && dropped > 0 ? 1 : 0);
}

/**
 * Whether a head reads a mean of positions inside a window of the model's own. They leave the window one by one and would have to be
 * taken out of the mean again, so a layer with such a head holds all of its window.
 */
export const meansInWindow = ({ mean, recent }: Held, window: number | undefined): boolean =>
  mean && window !== undefined && recent < window - 1;

/** From heads that are calibrated one by one to those that are calibrated together. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { PerHead } from '../../../protocol/results/heads';
import { meanInterval } from '../../shared/statistics/proportion';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { ActHead, ActResult } from './result';

/** Gains below this are rounding: float32 sums of another order. */
const noGain = 1e-6;

/** Prompts of the first round, at least, and rounds, at most. */
const leastPrompts = 8;
const mostRounds = 4;

/** How many calibration prompts have been seen after each round; the last round has all of them. */
export function roundsOf(prompts: number, halving: boolean): readonly number[] {
  const rounds = halving ? Math.max(1, Math.min(mostRounds, 1 + Math.floor(Math.log2(prompts / leastPrompts)))) : 1;
  return Array.from({ length: rounds }, (_, at) => Math.ceil(prompts / 2 ** (rounds - 1 - at)));
}

/** The heads that gain most, half of them; all that gain as much as the last of these. */
export function betterHalf(heads: readonly HeadPlace[], gainOf: (head: HeadPlace) => number): readonly HeadPlace[] {
  const gains = heads.map(gainOf).sort((a, b) => b - a);
  const least = gains[Math.ceil(gains.length / 2) - 1] ?? 0;
  return heads.filter((head) => gainOf(head) >= least);
}

/** Whole layers together until there are so many heads: a step of the run is no longer than that. */
export function inChunks(heads: readonly HeadPlace[], most: number): readonly (readonly HeadPlace[])[] {
  const chunks: HeadPlace[][] = [];
  for (const head of heads) {
    const last = chunks.at(-1);
    if (last && (last.length < most || last.at(-1)?.layer === head.layer)) last.push(head);
    else chunks.push([head]);
  }
  return chunks;
}

/** Gains of every head on the prompts that it was tried on, as they come in. */
export class Gains {
  private readonly found: readonly (readonly number[][])[];

  constructor({ blocks }: Pick<ModelFacts, 'blocks'>) {
    this.found = blocks.map(({ heads }) => Array.from({ length: heads }, () => []));
  }

  add({ layer, head }: HeadPlace, gain: number): void {
    this.found[layer]?.[head]?.push(gain);
  }

  mean({ layer, head }: HeadPlace): number {
    return meanInterval(this.found[layer]?.[head] ?? []).mean;
  }

  profile(): Pick<ActResult, 'profile' | 'profileRange' | 'error' | 'seen'> {
    const table = (value: (gains: readonly number[]) => number): PerHead =>
      this.found.map((heads) => heads.map((gains) => (gains.length === 0 ? Number.NaN : value(gains))));
    return {
      profile: table((gains) => meanInterval(gains).mean),
      profileRange: {
        low: table((gains) => meanInterval(gains).low),
        high: table((gains) => meanInterval(gains).high),
      },
      error: table(standardError),
      seen: this.found.map((heads) => heads.map(({ length }) => length)),
    };
  }
}

/** Standard error of the mean; NaN for a single value. */
export function standardError(values: readonly number[]): number {
  const { length } = values;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (length - 1) / length);
}

/** Heads that were tried on all prompts and gain more than so many standard errors, best first. */
export function chosenHeads(
  { profile, error, seen }: Pick<ActResult, 'profile' | 'error' | 'seen'>,
  { prompts, margin, beta }: { readonly prompts: number; readonly margin: number; readonly beta: number },
): readonly ActHead[] {
  return profile
    .flatMap((row, layer) =>
      row.flatMap((gain, head) => {
        const least = margin === 0 ? 0 : margin * (error[layer]?.[head] ?? Number.NaN);
        const enough = gain > noGain && gain > least && seen[layer]?.[head] === prompts;
        return enough ? [{ layer, head, value: beta, gain }] : [];
      }),
    )
    .sort((a, b) => b.gain - a.gain || a.layer - b.layer || a.head - b.head);
}

/**
 * Two benchmarks side by side: the times of what both have timed. Two runs form no interleaved pairs, so that nothing is tested. Where the
 * numbers are of other work (`whyNotCompared`) nothing is divided.
 */
import { count, significant } from '../wire/digits';
import type { BenchmarkResult, BenchmarkRow } from './benchmark-schema';
import { differencesBetween } from './comparability';
import { resolution } from './verdict';

/** A mechanism at a length that both have timed. */
export interface TimeChange {
  readonly mechanism: string;
  /** Tokens. */
  readonly length: number;
  /** Medians, milliseconds. */
  readonly ms: number;
  readonly otherMs: number;
  /** Time here over time there: below 1 is faster than there. */
  readonly change: number;
}

export const timeChanges = (
  rows: readonly BenchmarkRow[],
  { rows: others }: Pick<BenchmarkResult, 'rows'>,
): readonly TimeChange[] =>
  rows.flatMap(({ mechanism, length, medianMs: ms, ok }) => {
    const there = others.find((row) => row.ok && row.mechanism === mechanism && row.length === length);
    const otherMs = there?.medianMs;
    return ok && ms && otherMs ? [{ mechanism, length, ms, otherMs, change: ms / otherMs }] : [];
  });

interface Sides {
  readonly here: BenchmarkResult;
  /** Those of `here` that are measured to the end. */
  readonly rows?: readonly BenchmarkRow[];
  readonly there: BenchmarkResult;
  /** What the other result is called. */
  readonly other: string;
  /** A mechanism as it stands inside a sentence, by its id. */
  readonly name: (id: string) => string;
}

/** The mechanism whose median time differs most from that of the other result, at the longest length that both have timed. */
export function changeSentence({ here, rows = here.rows, there, other, name }: Sides): string {
  const changes = timeChanges(rows, there);
  if (changes.length === 0) return `No mechanism was timed at the same length in ${other}.`;
  const longest = Math.max(...changes.map(({ length }) => length));
  const size = ({ change }: TimeChange): number => Math.abs(Math.log(change));
  const compared = changes.filter(({ length }) => length === longest).sort((a, b) => size(b) - size(a));
  const at = `${count(longest)} tokens`;
  const [most] = compared;
  if (!most || size(most) <= Math.log(1 + resolution)) {
    return `Each time at ${at} is within ${significant(resolution * 100, 1)} % of that in ${other}.`;
  }
  const factor = significant(Math.exp(size(most)));
  const words = `${factor}x ${most.change < 1 ? 'faster' : 'slower'} than in ${other} at ${at}`;
  const subject = name(most.mechanism);
  const differing = differencesBetween(here, there).map((one) => one.name);
  const proviso = `two runs, no test${differing.length === 0 ? '' : `; not the same: ${differing.join(', ')}`}`;
  return compared.length > 1
    ? `Most changed is ${subject}, ${words} (${proviso}).`
    : `${subject.charAt(0).toUpperCase()}${subject.slice(1)} is ${words} (${proviso}).`;
}

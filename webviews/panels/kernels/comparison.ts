/** What changed between the result on show and the one it is compared with, in one sentence. */
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { differencesBetween, differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import { resolution } from '../../../protocol/results/verdict';
import { rowKey } from '../../charts/rows';
import { count, significant } from '../../ui/numbers';
import type { State } from './state';

/** What is on show, as a result; of a run that goes on the plan is all that is known. */
function shown({ result, measuredSetup, compareWith }: State): BenchmarkResult | undefined {
  return result ?? (measuredSetup && compareWith && { ...compareWith.result, plan: measuredSetup });
}

/** The other result where its numbers are of the same work: beside another nothing is drawn, listed or divided. */
export function comparable(state: State): State['compareWith'] {
  const { compareWith } = state;
  const here = shown(state);
  return here && compareWith && whyNotCompared(here, compareWith.result, compareWith.name) === undefined
    ? compareWith
    : undefined;
}

/** Why the two cannot be compared, or what besides the numbers differs. */
export function comparisonWords(state: State): string {
  const { compareWith } = state;
  const here = shown(state);
  if (!here || !compareWith) return '';
  return whyNotCompared(here, compareWith.result, compareWith.name) ?? differenceSentence(here, compareWith.result);
}

/**
 * The mechanism whose median time differs most from that of the other result, at the longest length that both have timed.
 * Two runs form no interleaved pairs, so that nothing is tested.
 */
export function changeSentence(state: State, name: (id: string) => string): string {
  const { rows, provisional } = state;
  const here = shown(state);
  const compareWith = comparable(state);
  // Why it cannot be compared is said by the banner.
  if (!here || !compareWith) return '';
  const { name: other, result } = compareWith;
  const shared = rows.flatMap(({ mechanism, length, medianMs, ok }) => {
    const there = result.rows.find((row) => row.ok && row.mechanism === mechanism && row.length === length)?.medianMs;
    const timed = ok && !provisional.includes(rowKey({ mechanism, length }));
    return timed && medianMs && there ? [{ mechanism, length, speed: there / medianMs }] : [];
  });
  if (shared.length === 0) return `No mechanism was timed at the same length in ${other}.`;
  const longest = Math.max(...shared.map(({ length }) => length));
  const change = ({ speed }: { readonly speed: number }): number => Math.abs(Math.log(speed));
  const changes = shared.filter(({ length }) => length === longest).sort((a, b) => change(b) - change(a));
  const at = `${count(longest)} tokens`;
  const most = changes[0];
  if (!most || change(most) <= Math.log(1 + resolution)) {
    return `Each time at ${at} is within ${significant(resolution * 100, 1)} % of that in ${other}.`;
  }
  const factor = significant(Math.exp(change(most)));
  const words = `${factor}x ${most.speed > 1 ? 'faster' : 'slower'} than in ${other} at ${at}`;
  const subject = name(most.mechanism);
  const differing = differencesBetween(here, result).map((one) => one.name);
  const proviso = `two runs, no test${differing.length === 0 ? '' : `; not the same: ${differing.join(', ')}`}`;
  return changes.length > 1
    ? `Most changed is ${subject}, ${words} (${proviso}).`
    : `${subject.charAt(0).toUpperCase()}${subject.slice(1)} is ${words} (${proviso}).`;
}

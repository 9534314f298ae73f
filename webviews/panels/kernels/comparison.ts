/** What changed between the result on show and the one it is compared with, in one sentence. */
import { resolution } from '../../../protocol/results/verdict';
import { rowKey } from '../../charts/rows';
import { count, significant } from '../../ui/numbers';
import type { State } from './state';

/**
 * The mechanism whose median time differs most from that of the other result, at the longest length that both have timed.
 * Two runs form no interleaved pairs, so that nothing is tested.
 */
export function changeSentence({ rows, provisional, compareWith }: State, name: (id: string) => string): string {
  if (!compareWith) return '';
  const { name: other, result } = compareWith;
  const shared = rows.flatMap(({ mechanism, length, medianMs, ok }) => {
    const there = result.rows.find((row) => row.ok && row.mechanism === mechanism && row.length === length)?.medianMs;
    const timed = ok && !provisional.includes(rowKey({ mechanism, length }));
    return timed && medianMs && there ? [{ mechanism, length, speed: there / medianMs }] : [];
  });
  if (shared.length === 0) return `No mechanism was timed at the same length in ${other}.`;
  const longest = Math.max(...shared.map(({ length }) => length));
  const change = ({ speed }: { readonly speed: number }): number => Math.abs(Math.log(speed));
  const here = shared.filter(({ length }) => length === longest).sort((a, b) => change(b) - change(a));
  const at = `${count(longest)} tokens`;
  const most = here[0];
  if (!most || change(most) <= Math.log(1 + resolution)) {
    return `Each time at ${at} is within ${significant(resolution * 100, 1)} % of that in ${other}.`;
  }
  const factor = significant(Math.exp(change(most)));
  const words = `${factor}x ${most.speed > 1 ? 'faster' : 'slower'} than in ${other} at ${at}`;
  const subject = name(most.mechanism);
  return here.length > 1
    ? `Most changed is ${subject}, ${words} (two runs, no test).`
    : `${subject.charAt(0).toUpperCase()}${subject.slice(1)} is ${words} (two runs, no test).`;
}

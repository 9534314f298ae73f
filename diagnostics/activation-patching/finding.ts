/** What a result of activation patching says in a sentence or two. */
import { metricWords, signed } from '../effects/metric';
import { cellName, cellWords, isMeasured, ranked } from './ranked';
import type { PatchingResult } from './result';

const short = (value: number): string => String(Number(value.toPrecision(3)));
const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  Number.isNaN(low) ? '' : ` (95 % interval ${short(low)} to ${short(high)})`;

const siteWords: Readonly<Record<PatchingResult['site'], string>> = {
  'head-output': 'the output',
  query: 'the query',
  key: 'the key',
  value: 'the value',
  mlp: 'the output',
  residual: 'the value',
};

export function finding(result: Partial<PatchingResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const { site, direction, metric, n, clean, corrupted, gap, beyondChance } = result;
  const { name, unit } = metricWords[metric];
  const over = `${n} ${n === 1 ? 'pair' : 'pairs'}`;
  const levels = `${short(clean.mean)} on the clean and ${short(corrupted.mean)} on the corrupted prompts`;
  const all = ranked(result);
  const [first] = all;
  if (!first) {
    return Number.isNaN(gap.mean) || Math.abs(gap.mean) < 1e-6
      ? `The ${name} is the same on the clean and the corrupted prompts, so there is nothing to bring back. Choose another counterpart or metric.`
      : 'Nothing is measured yet.';
  }
  const cells = result.values.reduce((sum, row) => sum + row.length, 0);
  const verb = direction === 'denoise' ? 'brings back' : 'takes away';
  const into = direction === 'denoise' ? 'clean' : 'corrupted';
  const place = result.at === undefined ? '' : ` at ${result.at}`;
  const doubtful =
    n > 1 && gap.low <= 0 && gap.high >= 0
      ? [
          `Clean and corrupted prompts do not differ in ${name} beyond chance (${signed(gap.mean)}${unit === '' ? '' : ` ${unit}`}): what follows is not to be relied on.`,
        ]
      : [];
  const chance =
    beyondChance === undefined
      ? 'One pair has no interval: nothing is said of chance.'
      : `${beyondChance.flat().filter(Boolean).length} of ${cellWords({ site }, cells)} do more than ${result.null ? 'random pairs' : 'nothing'} beyond chance (5 % over all of them).`;
  return [
    ...doubtful,
    `Of ${cellWords({ site }, cells)}, ${cellName(result, first)} moves the ${name} most: ${siteWords[site]} of the ${into} run${place} ${verb} ${short(first.effect)} of the difference${interval(first)}, over ${over} (${levels}).`,
    chance,
  ].join(' ');
}

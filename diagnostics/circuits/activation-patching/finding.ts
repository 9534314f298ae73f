/** What a result of activation patching says in a sentence or two. */
import { askedWords, worseWords } from '../../shared/effects/gap';
import { metricWords } from '../../shared/effects/metric';
import { cellName, cellWords, isMeasured, ranked, type Ranked } from './ranking';
import type { PatchingResult } from './result';
import { percent, signed, threeDigits } from '../../../protocol/wire/number-words';

const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  Number.isNaN(low) ? '' : ` (95 % interval ${percent(low)} to ${percent(high)})`;

const siteWords: Readonly<Record<PatchingResult['site'], string>> = {
  'head-output': 'the output',
  query: 'the query',
  key: 'the key',
  value: 'the value',
  mlp: 'the output',
  residual: 'the value',
  'cross-head-output': 'the output',
  'encoder-head-output': 'the output',
  'state-head-output': 'the output',
};

/** Stretches of layers that are named. */
const mostStretches = 4;

/** Where the difference stands, layer by layer: the last layer at the last position always has all of it. */
function streamWords({ effect, columns = [], direction }: PatchingResult): string {
  const stretches: { readonly column: number; readonly from: number; to: number; least: number }[] = [];
  effect.forEach((row, layer) => {
    const known = row.map((value) => (Number.isNaN(value) ? 0 : value));
    const size = Math.max(...known.map(Math.abs));
    const column = known.findIndex((value) => Math.abs(value) === size);
    const value = known[column] ?? 0;
    const last = stretches.at(-1);
    if (last?.column === column) {
      last.to = layer;
      last.least = Math.min(last.least, value);
    } else stretches.push({ column, from: layer, to: layer, least: value });
  });
  const words = stretches.slice(0, mostStretches).map(({ column, from, to, least }) => {
    const layers = from === to ? `layer ${from}` : `layers ${from} to ${to}`;
    return `after ${layers} at ${columns[column] ?? column} (${from === to ? '' : 'at least '}${percent(least)})`;
  });
  const more = stretches.length > mostStretches ? ', and so on' : '';
  const verb = direction === 'denoise' ? 'restored' : 'caused';
  return `Most of the drop is ${verb} by the residual stream ${words.join(', ')}${more}`;
}

/** Where the largest effect is hardly more than that of random pairs, it is no finding: the largest that is stands beside it. */
function besideRandomPairs(result: PatchingResult, [first, ...others]: readonly Ranked[]): readonly string[] {
  if (first?.beyondChance !== false || Number.isNaN(first.random) || result.direction !== 'denoise') return [];
  const sure = others.find(({ beyondChance }) => beyondChance);
  const instead = sure ? `; of those beyond chance, ${cellName(result, sure)} does most: ${percent(sure.effect)}` : '';
  return [`Random pairs restore ${percent(first.random)} there${instead}.`];
}

export function finding(result: Partial<PatchingResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const { site, direction, metric, n, clean, corrupted, gap, beyondChance } = result;
  const { name, unit } = metricWords[metric];
  const over = `${n} ${n === 1 ? 'pair' : 'pairs'}`;
  const levels = `${threeDigits(clean.mean)} on the clean and ${threeDigits(corrupted.mean)} on the corrupted prompts`;
  const all = ranked(result);
  const [first] = all;
  if (!first) {
    return Number.isNaN(gap.mean) || Math.abs(gap.mean) < 1e-6
      ? `The ${name} is the same on the clean and the corrupted prompts, so there is no drop to restore. Choose another counterpart or metric.`
      : 'Nothing is measured yet.';
  }
  const cells = result.values.reduce((sum, row) => sum + row.length, 0);
  const verb = direction === 'denoise' ? 'restores' : 'causes';
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
      ? 'One pair has no interval, so chance cannot be judged.'
      : `${beyondChance.flat().filter(Boolean).length} of ${cellWords({ site }, cells)} do more than ${result.null && direction === 'denoise' ? 'random pairs' : 'nothing'} beyond chance (5 % over all of them).`;
  return [
    ...doubtful,
    ...worseWords(metric, clean, corrupted),
    site === 'residual'
      ? `${streamWords(result)} (${askedWords(metric, result.answers)}: ${levels}, ${over}).`
      : `Of ${cellWords({ site }, cells)}, ${cellName(result, first)} moves the ${askedWords(metric, result.answers)} most: ${siteWords[site]} of the ${into} run${place} ${verb} ${percent(first.effect)} of the drop${interval(first)}, over ${over} (${levels}).`,
    ...(site === 'residual' ? [] : besideRandomPairs(result, all)),
    chance,
  ].join(' ');
}

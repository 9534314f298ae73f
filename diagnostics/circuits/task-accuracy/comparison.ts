/** Two runs of one task, e.g. a model without and with an intervention: the same prompts, compared in pairs. */
import type { Section } from '../../../protocol/sections/section';
import { meanInterval } from '../../shared/statistics/proportion';
import { pairedProportions } from '../../shared/statistics/over-pictures';
import type { PromptScore, TaskAccuracyResult } from '../../shared/accuracy/scored-prompts';
import { metricWords } from '../../shared/effects/metric';
import * as build from '../../../protocol/sections/builders';

const listed = 200;

export function compareAccuracy(a: TaskAccuracyResult, b: TaskAccuracyResult): readonly Section[] {
  const pairs = a.prompts.flatMap((first, at) => {
    const second = b.prompts[at];
    return second && second.prompt === first.prompt ? [{ first, second }] : [];
  });
  if (pairs.length === 0 || a.metric !== b.metric) {
    const paragraphs = ['The two results have no prompt in common: run both with the same task, seed and parameters.'];
    return [build.paragraphs('change', 'Change', paragraphs)];
  }
  const gained = pairs.filter(({ first, second }) => !first.correct && second.correct).length;
  const lost = pairs.filter(({ first, second }) => first.correct && !second.correct).length;
  const share = pairedProportions(pairs.length, gained, lost);
  const change = ({ first, second }: { first: PromptScore; second: PromptScore }): number => second.value - first.value;
  const mean = meanInterval(pairs.map(change));
  const { name: title, unit, definition } = metricWords[a.metric];
  const own = ownChange(a, b, pairs);
  const column = (name: string, words: string, of: string, what: string) => build.number(name, words, what, of);
  return [
    build.cellTable(
      'change',
      'Change',
      `This result less the other, of ${pairs.length} prompts that both have. 95 % intervals: of the accuracy the score interval of paired proportions (Tango 1998), of the mean Student's t.`,
      [
        build.text('measure', 'measure'),
        column('change', 'change', '', 'this result less the other'),
        column('low', 'low', '', 'lower end of the 95 % interval'),
        column('high', 'high', '', 'upper end of the 95 % interval'),
        { ...column('gained', 'gained', '', 'prompts that only this result answers'), digits: 6 },
        { ...column('lost', 'lost', '', 'prompts that only the other answers'), digits: 6 },
      ],
      [
        ['accuracy', share.difference, share.low, share.high, gained, lost],
        [`${title}${unit === '' ? '' : ` (${unit})`}`, mean.mean, mean.low, mean.high, null, null],
        ...(own ? [[own.words, own.mean, own.low, own.high, null, null]] : []),
      ],
    ),
    build.table(
      'changed-prompts',
      'Prompts, most changed first',
      '',
      pairs
        .filter((pair) => change(pair) !== 0 || pair.first.top !== pair.second.top)
        .sort((one, other) => Math.abs(change(other)) - Math.abs(change(one)))
        .slice(0, listed),
      [
        build.text('prompt', 'prompt', (pair) => pair.first.prompt),
        build.text('first', 'other says', (pair) => pair.first.top.trim()),
        build.text('second', 'this says', (pair) => pair.second.top.trim()),
        {
          ...column('change', `change of the ${title}`, unit, `this result less the other: ${definition}`),
          cell: (pair) => change(pair),
        },
      ],
      { empty: 'No prompt is answered differently.' },
    ),
  ];
}

/** What a task file scores by itself, where both results have the same score. */
function ownChange(
  { own: there }: TaskAccuracyResult,
  { own: here }: TaskAccuracyResult,
  pairs: readonly { readonly first: PromptScore; readonly second: PromptScore }[],
) {
  if (!here || !there || here.title !== there.title || here.unit !== there.unit) return undefined;
  const changes = pairs.map(({ first, second }) => (second.own ?? Number.NaN) - (first.own ?? Number.NaN));
  return { words: `${here.title}${here.unit === '' ? '' : ` (${here.unit})`}`, ...meanInterval(changes) };
}

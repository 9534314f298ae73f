/** What a result of ablation shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { metricWords } from '../../shared/effects/metric';
import { modeWords, unitWords } from './finding';
import { isMeasured, ranked } from './ranking';
import type { AblationResult } from './result';
import { cellOf } from '../../shared/sections/cell';

export const sections = (result: Partial<AblationResult>): readonly Section[] =>
  isMeasured(result) ? [headsSection(result), mlpSection(result), rankedSection(result), levelSection(result)] : [];

const changeTitle = ({ metric }: AblationResult): string => `Change of the ${metricWords[metric].name}`;

export const changeDefinition = ({ metric, mode, unit }: AblationResult): string =>
  `${metricWords[metric].definition}, with the output of the part ${modeWords[mode]} at all positions, less that with its own; mean over ${unit === 'prompt' ? 'prompts' : 'the tokens of the prompt that are predicted'}.`;

const intervalWords = ({ unit }: AblationResult): string =>
  unit === 'prompt'
    ? "95 % interval over prompts (Student's t)"
    : "95 % interval over the predicted tokens of this prompt (Student's t), as if they were independent";

const harm = ({ metric }: AblationResult): string =>
  metric === 'loss'
    ? 'Above 0 the model does worse without the part.'
    : 'Below 0 the model does worse without the part.';

function headsSection(result: AblationResult): HeadsSection {
  const { metric, heads, low, high, beyondChance, n, leftOut = 0 } = result;
  const places = beyondChance.flatMap((row, layer) => row.flatMap((is, head) => (is ? [{ layer, head }] : [])));
  const largest = ranked(result).find(({ head }) => head !== undefined);
  const left = leftOut > 0 ? ` ${leftOut} left out, which have no other prompt to take outputs from.` : '';
  return {
    kind: 'heads',
    id: 'heads',
    title: 'Effect of removing each head',
    caption: `${harm(result)} Over ${unitWords(result)}.${left}`,
    ask: 'Show where',
    numbers: [
      {
        name: 'change',
        title: changeTitle(result),
        unit: metricWords[metric].unit,
        definition: changeDefinition(result),
        scale: { kind: 'diverging' },
        values: heads,
        ...(n > 1 ? { low, high, interval: intervalWords(result) } : {}),
      },
    ],
    ...(n > 1
      ? {
          classes: [
            {
              name: 'beyond-chance',
              title: 'beyond chance',
              definition:
                "0 lies outside of the interval of Student's t that is widened for the number of heads and MLPs (Bonferroni: 5 % over all of them).",
              heads: places,
            },
          ],
        }
      : {}),
    ...(largest?.head === undefined ? {} : { marked: [{ layer: largest.layer, head: largest.head }] }),
  };
}

const mlpSection = (result: AblationResult): ChartSection => ({
  kind: 'chart',
  id: 'mlp',
  title: 'Effect of removing each MLP',
  caption: harm(result),
  x: { title: 'layer', unit: '', scale: 'category', categories: result.mlp.map((_, layer) => `${layer}`) },
  y: { title: changeTitle(result).toLowerCase(), unit: metricWords[result.metric].unit, scale: 'linear' },
  series: [
    {
      id: 'mlp',
      title: 'MLPs',
      mark: 'bars',
      points: result.mlp.map((y, x) => ({
        x,
        y,
        ...(result.n > 1 ? { low: result.mlpLow[x] ?? Number.NaN, high: result.mlpHigh[x] ?? Number.NaN } : {}),
        label: `MLP of layer ${x}`,
      })),
    },
  ],
  ...(result.n > 1 ? { interval: intervalWords(result) } : {}),
});

const intervalColumns = (unit: string, interval: string): TableSection['columns'] => [
  { name: 'low', title: 'From', kind: 'number', unit, definition: `Lower end of the ${interval}.` },
  { name: 'high', title: 'To', kind: 'number', unit, definition: `Upper end of the ${interval}.` },
  { name: 'beyondChance', title: 'Beyond chance', kind: 'text' },
];

function rankedSection(result: AblationResult): TableSection {
  const { unit } = metricWords[result.metric];
  const all = ranked(result);
  return {
    kind: 'table',
    id: 'ranked',
    title: 'All heads and MLPs, largest change first',
    ask: 'Show where',
    empty: 'Nothing is measured yet.',
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: 'part', title: 'Part', kind: 'text' },
      { name: 'change', title: changeTitle(result), kind: 'number', unit, definition: changeDefinition(result) },
      ...(result.n > 1 ? intervalColumns(unit, intervalWords(result)) : []),
    ],
    rows: all.map(({ layer, head, change, low, high, beyondChance }) => [
      head === undefined ? null : { layer, head },
      head === undefined ? `MLP of layer ${layer}` : 'head',
      change,
      ...(result.n > 1 ? [cellOf(low), cellOf(high), beyondChance ? 'yes' : 'no'] : []),
    ]),
  };
}

const levelSection = (result: AblationResult): TableSection => {
  const { metric, baseline } = result;
  const words = metricWords[metric];
  const column = (name: string, title: string, definition: string) =>
    ({ name, title, kind: 'number', unit: words.unit, definition }) as const;
  return {
    kind: 'table',
    id: 'baseline',
    title: 'With all heads and MLPs',
    caption: `Over ${unitWords(result)}.`,
    columns: [
      column('mean', `Mean ${words.name}`, `${words.definition}, under the interventions of the run alone.`),
      column('low', 'From', 'Lower end of its 95 % interval.'),
      column('high', 'To', 'Upper end of its 95 % interval.'),
    ],
    rows: [[cellOf(baseline.mean), cellOf(baseline.low), cellOf(baseline.high)]],
  };
};

/** What a result of ablation shows. */
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { metricWords } from '../../shared/effects/metric';
import { modeWords, unitWords } from './finding';
import { isMeasured, ranked } from './ranking';
import { otherStacks, stackWords } from './stacks';
import type { AblationResult } from './result';
import { cellOf } from '../../../protocol/sections/cell';
import * as build from '../../../protocol/sections/builders';

export const sections = (result: Partial<AblationResult>): readonly Section[] =>
  isMeasured(result)
    ? [headsSection(result), ...stackSections(result), mlpSection(result), rankedSection(result), levelSection(result)]
    : [];

/** Heads of cross-attention, of the encoder, and of recurrences beside attention. */
const stackSections = (result: AblationResult): readonly Section[] =>
  otherStacks.flatMap((stack) => {
    const effects = result[stack];
    if (!effects) return [];
    const { heads, low, high } = effects;
    return [
      build.heads(
        stack,
        `Effect of removing each head of ${stackWords[stack]}`,
        `${harm(result)} Over ${unitWords(result)}.${stack === 'encoder' ? ' The source is encoded again without the head.' : ''}`,
        [
          build.signed(
            'change',
            changeTitle(result),
            changeDefinition(result),
            heads,
            metricWords[result.metric].unit,
            result.n > 1 ? { low, high, interval: intervalWords(result) } : {},
          ),
        ],
        stack === 'state' ? { cell: 'recurrence head' } : { stack },
      ),
    ];
  });

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

function headsSection(result: AblationResult) {
  const { metric, heads, low, high, beyondChance, n, leftOut = 0 } = result;
  const places = beyondChance.flatMap((row, layer) => row.flatMap((is, head) => (is ? [{ layer, head }] : [])));
  const largest = ranked(result).find(({ head }) => head !== undefined);
  const left = leftOut > 0 ? ` ${leftOut} left out, which have no other prompt to take outputs from.` : '';
  return build.heads(
    'heads',
    'Effect of removing each head',
    `${harm(result)} Over ${unitWords(result)}.${left}`,
    [
      build.signed(
        'change',
        changeTitle(result),
        changeDefinition(result),
        heads,
        metricWords[metric].unit,
        n > 1 ? { low, high, interval: intervalWords(result) } : {},
      ),
    ],
    {
      ask: 'Show where',
      classes:
        n > 1
          ? [
              build.headClass(
                'beyond-chance',
                'beyond chance',
                "0 lies outside of the interval of Student's t that is widened for the number of heads and MLPs (Bonferroni: 5 % over all of them).",
                places,
              ),
            ]
          : undefined,
      marked: largest?.head === undefined ? undefined : [{ layer: largest.layer, head: largest.head }],
    },
  );
}

const mlpSection = (result: AblationResult) =>
  build.chart(
    'mlp',
    'Effect of removing each MLP',
    harm(result),
    build.categoryAxis(
      'layer',
      result.mlp.map((_, layer) => `${layer}`),
    ),
    build.axis(changeTitle(result).toLowerCase(), metricWords[result.metric].unit),
    [
      build.bars(
        'mlp',
        'MLPs',
        result.mlp.map((y, x) => ({
          x,
          y,
          ...(result.n > 1 ? { low: result.mlpLow[x] ?? Number.NaN, high: result.mlpHigh[x] ?? Number.NaN } : {}),
          label: `MLP of layer ${x}`,
        })),
      ),
    ],
    { interval: result.n > 1 ? intervalWords(result) : undefined },
  );

const intervalColumns = (unit: string, interval: string): TableSection['columns'] => [
  build.number('low', 'From', `Lower end of the ${interval}.`, unit),
  build.number('high', 'To', `Upper end of the ${interval}.`, unit),
  build.text('beyondChance', 'Beyond chance'),
];

function rankedSection(result: AblationResult) {
  const { unit } = metricWords[result.metric];
  const all = ranked(result);
  return build.cellTable(
    'ranked',
    `All heads and MLPs${result.cross ? ' of the decoder' : ''}, largest change first`,
    '',
    [
      build.head(),
      build.text('part', 'Part'),
      build.number('change', changeTitle(result), changeDefinition(result), unit),
      ...(result.n > 1 ? intervalColumns(unit, intervalWords(result)) : []),
    ],
    all.map(({ layer, head, change, low, high, beyondChance }) => [
      head === undefined ? null : { layer, head },
      head === undefined ? `MLP of layer ${layer}` : 'head',
      change,
      ...(result.n > 1 ? [cellOf(low), cellOf(high), beyondChance ? 'yes' : 'no'] : []),
    ]),
    { ask: 'Show where', empty: 'Nothing is measured yet.' },
  );
}

const levelSection = (result: AblationResult) => {
  const { metric, baseline } = result;
  const words = metricWords[metric];
  const column = (name: string, title: string, definition: string) => build.number(name, title, definition, words.unit);
  return build.cellTable(
    'baseline',
    'With all heads and MLPs',
    `Over ${unitWords(result)}.`,
    [
      column('mean', `Mean ${words.name}`, `${words.definition}, under the interventions of the run alone.`),
      column('low', 'From', 'Lower end of its 95 % interval.'),
      column('high', 'To', 'Upper end of its 95 % interval.'),
    ],
    [[cellOf(baseline.mean), cellOf(baseline.low), cellOf(baseline.high)]],
  );
};

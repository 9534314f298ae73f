/** What a result of attribution shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Scale } from '../../../protocol/sections/figure';
import type { MapSection } from '../../../protocol/sections/map';
import type { Stack } from '../../../protocol/sections/section-base';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { answerWords } from '../../shared/effects/gap';
import { intervalWords, levelTable } from '../../shared/effects/level-section';
import { metricWords } from '../../shared/effects/metric';
import { cellName, groupOf } from './cells';
import { baselineWords, methodWords } from './finding';
import { edgeSections } from './edge-sections';
import { isEstimated, ranked } from './ranking';
import {
  agreementGroups,
  type Agreement,
  type AttributionResult,
  type CellSite,
  type Checked,
  type Effects,
  type Table,
} from './result';
import { cellOf } from '../../../protocol/sections/cell';
import * as build from '../../../protocol/sections/builders';

export const sections = (result: Partial<AttributionResult>): readonly Section[] =>
  isEstimated(result)
    ? [
        headsSection(result),
        ...(result.cross ? [stackSection(result, 'cross', result.cross)] : []),
        ...(result.encoder ? [stackSection(result, 'encoder', result.encoder)] : []),
        ...(result.checked.length > 0 ? scatterSections(result) : []),
        ...(result.agreement.length > 0 ? [agreementSection(result)] : []),
        ...(result.places ? placeSections(result) : []),
        ...edgeSections(result),
        rankedSection(result),
        levelSection(result),
      ]
    : [];

const unitOf = ({ metric }: AttributionResult): string => metricWords[metric].unit;

const baselineOf = ({ baseline }: AttributionResult): string => baselineWords[baseline];

const estimateDefinition = (result: AttributionResult): string =>
  `Estimated change of the ${metricWords[result.metric].name} when the output becomes ${baselineOf(result)}: the change of the output times ${result.method === 'integrated' ? `the mean of ${result.gradients} gradients between counterpart and prompt` : 'the gradient at the prompt'}, summed over positions. Mean over prompts.`;

const exactDefinition = (result: AttributionResult): string =>
  `${metricWords[result.metric].name} of the prompt run with the output replaced by ${baselineOf(result)}, less that without. Mean over prompts.`;

/** One for estimates and exact effects: they are to be compared. */
function scaleOf(...tables: readonly Table[]): Scale {
  const sizes = tables
    .flat(2)
    .filter((value) => !Number.isNaN(value))
    .map(Math.abs);
  const max = Math.max(0, ...sizes);
  return { kind: 'diverging', ...(max > 0 ? { max } : {}) };
}

function captionOf(result: AttributionResult): string {
  const { n, leftOut = 0, answers, metric } = result;
  const left =
    leftOut > 0
      ? ` ${leftOut} ${leftOut === 1 ? 'prompt was' : 'prompts were'} left out: no counterpart of as many tokens, or another layout.`
      : '';
  return `By ${methodWords(result)}, over ${n} ${n === 1 ? 'prompt' : 'prompts'}.${answerWords(metric, answers)}${left}`;
}

/** Positions are known where prompts have counterparts. */
const askable = ({ columns }: AttributionResult): { readonly ask?: string } =>
  columns === undefined ? {} : { ask: 'Patch by position' };

const headsSection = (result: AttributionResult) =>
  build.heads('heads', 'Effect of each head', captionOf(result), headNumbers(result, 'head', result.heads), {
    ...askable(result),
    marked: largestOf(result.heads),
  });

/** Heads of cross-attention or of the encoder. Positions of the encoder are those of the source. */
const stackSection = (result: AttributionResult, stack: Stack, effects: Effects) =>
  build.heads(
    stack,
    stack === 'cross' ? 'Effect of each head of cross-attention' : 'Effect of each head of the encoder',
    stack === 'cross'
      ? captionOf(result)
      : `${captionOf(result)} The source is encoded again with the replaced output.`,
    headNumbers(result, stack === 'cross' ? 'cross-head' : 'encoder-head', effects),
    { ...(stack === 'cross' ? askable(result) : {}), stack, marked: largestOf(effects) },
  );

function largestOf({ estimate }: Effects): readonly HeadPlace[] | undefined {
  const [first] = estimate
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, size: Math.abs(value) })))
    .filter(({ size }) => size > 0)
    .sort((a, b) => b.size - a.size);
  return first && [{ layer: first.layer, head: first.head }];
}

function headNumbers(result: AttributionResult, of: CellSite, effects: Effects) {
  const { n, checked } = result;
  const shared = { unit: unitOf(result), scale: scaleOf(effects.estimate, effects.exact) };
  return [
    {
      name: 'estimate',
      title: 'Estimated effect',
      definition: estimateDefinition(result),
      ...shared,
      values: effects.estimate,
      ...(n > 1 ? { low: effects.low, high: effects.high, interval: intervalWords } : {}),
    },
    checked.some(({ site }) => site === of) && {
      name: 'exact',
      title: 'Exact effect, where patched',
      definition: exactDefinition(result),
      ...shared,
      values: effects.exact,
    },
  ];
}

const groupTitles = { parts: 'Heads and MLPs', places: 'Residual stream by position', edges: 'Edges' } as const;
type Point = Pick<Checked, 'estimate' | 'exact' | 'largest'> & { readonly name: string };

const setTitles = { largest: 'largest estimates', drawn: 'drawn at random', both: 'both together' } as const;

const pointsIn = (result: AttributionResult, group: Agreement['group']): readonly Point[] =>
  group === 'edges'
    ? (result.edges?.edges ?? [])
        .filter(({ estimate, exact }) => !Number.isNaN(estimate) && !Number.isNaN(exact))
        .map((edge) => ({ ...edge, name: `${edge.from} to ${edge.input} of ${edge.to}` }))
    : result.checked
        .filter((one) => groupOf(one) === group)
        .map((one) => ({ ...one, name: cellName(one, result.columns) }));

function scatterSections(result: AttributionResult): readonly ChartSection[] {
  return agreementGroups.flatMap((group): ChartSection[] => {
    const all = pointsIn(result, group);
    if (all.length === 0) return [];
    const values = all.flatMap(({ estimate, exact }) => [estimate, exact]);
    const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
    const series = (id: string, title: string, some: typeof all): ChartSection['series'] =>
      some.length === 0
        ? []
        : [
            build.points(
              id,
              title,
              some.map((one) => ({ x: one.estimate, y: one.exact, label: one.name })),
            ),
          ];
    return [
      build.chart(
        `agreement-${group}`,
        `${groupTitles[group]}: exact effect against estimate`,
        'On the line both are the same. Each point was patched in every prompt.',
        build.axis('estimated effect', unitOf(result)),
        build.axis('exact effect', unitOf(result)),
        [
          ...series(
            'largest',
            'largest estimates',
            all.filter(({ largest }) => largest),
          ),
          ...series(
            'drawn',
            'drawn at random alone',
            all.filter(({ largest }) => !largest),
          ),
        ],
        { references: [{ label: 'estimate = exact', from: [least, least], to: [most, most] }] },
      ),
    ];
  });
}

function agreementSection({ agreement, passes }: AttributionResult) {
  const number = (name: string, title: string, definition: string) => build.number(name, title, definition);
  const ends = (of: string) => `95 % interval of ${of} by Fisher's z, for values that are drawn independently.`;
  return build.cellTable(
    'agreement',
    'How far the estimates can be trusted',
    `The largest estimates alone say little of the others, so some are drawn at random from all. One prompt takes about ${passes.taken} forward passes here (a gradient counts as three), and ${passes.exact} where everything is patched.`,
    [
      build.text('group', 'Effects of'),
      build.text('set', 'Chosen'),
      build.text('patched', 'Patched'),
      number('pearson', "Pearson's r", 'Correlation of estimated and exact effects.'),
      number('pearsonLow', 'From', ends("Pearson's r")),
      number('pearsonHigh', 'To', ends("Pearson's r")),
      number('spearman', "Spearman's r", 'Correlation of their ranks.'),
      number('spearmanLow', 'From', ends("Spearman's r")),
      number('spearmanHigh', 'To', ends("Spearman's r")),
    ],
    agreement.map(({ group, set, n, of, pearson, spearman }: Agreement) => [
      groupTitles[group],
      setTitles[set],
      `${n} of ${of}`,
      ...[pearson, spearman].flatMap(({ mean, low, high }) => [cellOf(mean), cellOf(low), cellOf(high)]),
    ]),
  );
}

function placeSections(result: AttributionResult): readonly MapSection[] {
  const { places, columns = [] } = result;
  if (!places) return [];
  return [
    {
      kind: 'map',
      id: 'places',
      title: 'Residual stream that leaves each layer: estimated effect',
      unit: unitOf(result),
      definition: `Estimated change of the ${metricWords[result.metric].name} when the stream there becomes ${baselineOf(result)}. Mean over prompts.`,
      scale: scaleOf(places.estimate),
      rows: { title: 'layer', labels: places.estimate.map((_, layer) => `L${layer}`) },
      columns: { title: 'position', labels: columns },
      values: places.estimate,
    },
  ];
}

function rankedSection(result: AttributionResult) {
  const { n } = result;
  const number = (name: string, title: string, definition: string): TableSection['columns'][number] =>
    build.number(name, title, definition, unitOf(result));
  return build.table(
    'ranked',
    `All heads and MLPs${result.cross ? ' of the decoder' : ''}, largest estimate first`,
    '',
    ranked(result),
    [
      build.head(({ layer, head }) => (head === undefined ? null : { layer, head })),
      build.text('part', 'Part', ({ layer, head }) => (head === undefined ? `MLP of layer ${layer}` : 'head')),
      { ...number('estimate', 'Estimated effect', estimateDefinition(result)), cell: ({ estimate }) => estimate },
      n > 1 && [
        { ...number('low', 'From', `Lower end of its ${intervalWords}.`), cell: ({ low }) => low },
        { ...number('high', 'To', `Upper end of its ${intervalWords}.`), cell: ({ high }) => high },
      ],
      {
        ...number('exact', 'Exact effect', `${exactDefinition(result)} Empty where it was not patched.`),
        cell: ({ exact }) => exact,
      },
    ],
    { ...askable(result) },
  );
}

function levelSection({ metric, original, counterpart }: AttributionResult) {
  return levelTable(
    metric,
    'changes',
    [['prompts', original], ...(counterpart ? [['counterparts', counterpart] as const] : [])],
    ' Prompts and counterparts are scored with the answers of the prompts.',
  );
}

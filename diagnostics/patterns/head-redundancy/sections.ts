/** What a result shows: similarity by layer and head, the matrix of one layer, effects, and the plan. */
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { HeadRedundancyResult } from './result';
import * as build from '../../../protocol/sections/builders';

const isMeasured = (result: Partial<HeadRedundancyResult>): result is HeadRedundancyResult =>
  (result.similarity?.length ?? 0) > 0;

/** The layer whose heads are most alike; undefined where no layer has two heads. */
function mostAlike({ layerMean }: HeadRedundancyResult): number | undefined {
  const known = [...layerMean.keys()].filter((layer) => !Number.isNaN(layerMean[layer]));
  return known.sort((a, b) => (layerMean[b] ?? 0) - (layerMean[a] ?? 0) || a - b)[0];
}

const unitOf = ({ measure }: HeadRedundancyResult): string => (measure === 'divergence' ? 'nats' : '1 - cosine');
const changeWords = ({ measure }: HeadRedundancyResult): string =>
  measure === 'divergence'
    ? 'Kullback-Leibler divergence of the predictions from those of the whole model, mean over tokens'
    : '1 - cosine of the stream that leaves the last layer with that of the whole model, mean over tokens';

export function finding(result: Partial<HeadRedundancyResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const layer = mostAlike(result);
  if (layer === undefined) return 'No layer has two heads, so none can be like another.';
  const { layerMean, layerChance, plan, kept, keptJoint, keptSaved, budget, without } = result;
  const at = (table: readonly number[]): string => threeDigits(table[layer] ?? Number.NaN);
  const first = `The maps of layer ${layer} are most alike: mean cosine ${at(layerMean)} (${at(layerChance)} when each reads other keys with the same weights).`;
  const amount = (value: number): string =>
    `${threeDigits(value)} ${result.measure === 'divergence' ? 'nats' : '(1 - cosine of the last stream)'}`;
  const heads = without.reduce((sum, row) => sum + row.length, 0);
  const last = plan.at(-1);
  const taken =
    kept.length === 0
      ? ''
      : last
        ? ` ${counted(plan.length, 'head', 'heads')} of ${heads} can go within ${amount(budget)}, which saves ${percent(last.saved)} of the attention's work.`
        : ` No head can go within ${amount(budget)}.`;
  const one = Number.isNaN(keptJoint)
    ? ''
    : ` One head in every layer changes ${amount(keptJoint)} and saves ${percent(keptSaved)}.`;
  return `${first}${taken}${one}`;
}

export const sections = (result: Partial<HeadRedundancyResult>): readonly Section[] => {
  if (!isMeasured(result)) return [];
  const layer = mostAlike(result);
  return [
    headsSection(result),
    ...(layer === undefined ? [] : [{ ...layerMap(result, layer), id: 'most-alike' }]),
    layersSection(result),
    ...planSections(result),
  ];
};

const similarityDefinition =
  'sum over queries i and keys j of A_ij B_ij / (|A| |B|): cosine of the two maps, 1 where they are the same up to a factor';

function headsSection(result: HeadRedundancyResult): Section {
  const { mean, nearest, without, alone, measured, plan } = result;
  const share = { unit: '', scale: build.ranges.share } as const;
  const change = { unit: unitOf(result), scale: build.ranges.fromZero } as const;
  const numbers: HeadsLayer[] = [
    {
      ...{ name: 'nearest', title: 'Nearest head', ...share, values: nearest },
      definition: `${similarityDefinition}; largest with another head of the layer`,
    },
    {
      ...{ name: 'mean', title: 'Layer mean', ...share, values: mean },
      definition: `${similarityDefinition}; mean over the other heads of the layer`,
    },
    ...(measured
      ? [
          {
            ...{ name: 'without', title: 'Left out', ...change, values: without },
            definition: `${changeWords(result)}, without the head`,
          },
          {
            ...{ name: 'alone', title: 'Kept alone', ...change, values: alone },
            definition: `${changeWords(result)}, without the other heads of the layer`,
          },
        ]
      : []),
  ];
  return build.heads(
    'heads',
    'How alike heads are, and what they are worth',
    `Maps on ${result.rows} tokens. A head that is like another may still write something else: what is left out says.`,
    numbers,
    {
      ask: 'Compare the heads of its layer',
      classes:
        plan.length > 0
          ? [
              build.headClass(
                'prunable',
                'prunable',
                `taken away in the order of what each changes alone, while all together change at most ${threeDigits(result.budget)} ${unitOf(result)}`,
                plan.map(({ layer, head }) => ({ layer, head })),
              ),
            ]
          : undefined,
    },
  );
}

/** Cosine of every two heads of a layer. */
export function layerMap({ similarity, layerChance }: HeadRedundancyResult, layer: number): MapSection {
  const table = similarity[layer] ?? [];
  const labels = table.map((_, head) => `H${head}`);
  return {
    kind: 'map',
    id: `layer-${layer}`,
    title: `Similarity of the heads of layer ${layer}`,
    caption: `Mean of two heads that read other keys with the same weights: ${threeDigits(layerChance[layer] ?? Number.NaN)}.`,
    unit: '',
    definition: similarityDefinition,
    scale: build.ranges.share,
    rows: { title: 'head', labels },
    columns: { title: 'head', labels },
    values: table,
  };
}

function layersSection({ layerMean, layerChance }: HeadRedundancyResult): Section {
  const points = (values: readonly number[]) => values.map((y, x) => ({ x, y }));
  return build.chart(
    'layers',
    'Similarity by layer',
    'Attention weights are positive, so that maps are alike to some degree by nature: the line of random keys is where each head gives the same weights to other keys.',
    build.categoryAxis(
      'layer',
      layerMean.map((_, layer) => `${layer}`),
    ),
    build.shareAxis('mean cosine of two heads'),
    [build.line('heads', 'measured', points(layerMean)), build.line('chance', 'random keys', points(layerChance))],
  );
}

function planSections(result: HeadRedundancyResult): readonly Section[] {
  const { plan, kept, alone, keptJoint, budget } = result;
  if (kept.length === 0) return [];
  const unit = unitOf(result);
  return [
    build.table(
      'plan',
      'Heads to leave out',
      `In the order of what each changes alone, until together they change more than ${threeDigits(budget)} ${unit}. Every layer keeps a head.`,
      plan,
      [
        build.head(),
        build.number('alone', 'Alone', `${changeWords(result)}, without this head`, unit, ({ alone: own }) => own),
        build.number('joint', 'Together', `${changeWords(result)}, without this head and all above it`, unit),
        build.number(
          'saved',
          'Saved share',
          'share of the multiply-adds of all attention at this length: projections of query and output, scores, sums; keys and values where all their query heads are gone',
        ),
      ],
      { empty: 'No head changes little enough.' },
    ),
    build.table(
      'kept',
      'One head in each layer',
      `The head that changes least when it alone is kept in its layer. All layers together change ${threeDigits(keptJoint)} ${unit}.`,
      kept,
      [
        build.head((head, layer) => ({ layer, head })),
        build.number(
          'alone',
          'Kept alone',
          `${changeWords(result)}, without the other heads of its layer`,
          unit,
          (head, layer) => alone[layer]?.[head],
        ),
      ],
    ),
  ];
}

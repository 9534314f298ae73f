/** Sections of the analysis `divergence`. */
import type { Scale } from '../../sections/figure';
import type { HeadsSection } from '../../sections/heads';
import type { ImageSection } from '../../sections/image';
import { levelsOf, patchesOf } from '../../sections/patches';
import type { ImageSpan } from '../../schema/parts';
import type { Section } from '../../sections/section';
import type { TableSection } from '../../sections/table';
import type { TokensSection } from '../../sections/tokens';
import type { DivergenceStep, ImageSinks } from '../hallucination-schema';
import type { VhdDistance } from '../../interventions/reinforcement';
import { affected, placesWhere, removedWords } from './ranked-heads';
import { lowerMedian } from '../lower-median';
import type { DivergenceResult } from '../divergence-result';
import { captionTables, ribbonCharts, ribbonsOf } from './divergence-captions';
import * as build from '../../sections/builders';

const distanceWords: Readonly<Record<VhdDistance, string>> = {
  l2: '|a - b|',
  squared: '|a - b|^2',
  relative: '|a - b| / |b|',
  cosine: '1 - cos(a, b)',
};

const share: Scale = { kind: 'sequential', max: 1 };
const upwards: Scale = build.ranges.sequential;

const mostMarked = 16;

/** That `ask` answers about, beside the captions. */
export const headsId = 'heads';

/** The captions first: they are what the model says of the picture that stands in the request. */
export const sectionsOf = (result: Partial<DivergenceResult>): readonly Section[] => [
  ...ribbonsOf(result),
  ...headsOf(result),
  ...attentionOf(result),
  ...ribbonCharts(result),
  ...layersOf(result),
  ...layerTableOf(result),
  ...captionTables(result),
  ...sinksOf(result),
];

/** A caption that is still being written has no attention yet. */
type StepTables = Pick<DivergenceStep, 'vhd' | 'textEnergy' | 'outlier' | 'selected'> &
  Partial<Pick<DivergenceStep, 'visualAttention'>>;

/** The tables of one step; of the first where nothing else is said. */
export function headTables(
  tables: StepTables,
  { distance = 'l2', removed }: Partial<Pick<DivergenceResult, 'distance' | 'removed'>>,
): Pick<HeadsSection, 'numbers' | 'classes'> {
  const what = removedWords({ ...(removed ? { removed } : {}) });
  return {
    numbers: [
      build.scaled(
        { ...upwards, curve: 'log' },
        'vhd',
        'VHD',
        `${distanceWords[distance]}, a and b the output of the head with and without ${what}`,
        tables.vhd,
      ),
      build.scaled(
        upwards,
        'textEnergy',
        'Text energy',
        `|b|^2, b the output of the head without ${what}`,
        tables.textEnergy,
      ),
      ...(tables.visualAttention
        ? [
            build.scaled(
              share,
              'visualAttention',
              removed?.kind === 'span' ? 'Attention on the span' : 'Visual attention',
              `sum over ${what} of p(query, key), the query of the token`,
              tables.visualAttention,
            ),
          ]
        : []),
    ],
    classes: [
      build.headClass(
        'outlier',
        'Outlier',
        `VHD and text energy are large in their layer: a burst without ${what}, no look at it`,
        placesWhere(tables.outlier),
      ),
      build.headClass(
        'selected',
        'Selected',
        'VHD above the lower median of the layer, outliers counted as 0: what reinforcement scales',
        placesWhere(tables.selected),
      ),
    ],
  };
}

function headsOf(result: Partial<DivergenceResult>): readonly Section[] {
  const { vhd, textEnergy, visualAttention, outlier, selected } = result;
  if (!vhd || !textEnergy || !visualAttention || !outlier || !selected) return [];
  const what = removedWords(result);
  return [
    {
      kind: 'heads',
      id: headsId,
      title: `Heads that depend on ${what}`,
      caption: `At the first token of one prompt, which was run with ${what} and without. ${countWords(result)} About half of the heads of each layer are selected whatever the prompt is.`,
      ...askedHeads(result),
      ...headTables({ vhd, textEnergy, visualAttention, outlier, selected }, result),
      marked: markedOf(result),
    },
  ];
}

/** What a grid of heads is asked: where one of them reads, or several together. */
export const askedHeads = ({ removed }: Pick<Partial<DivergenceResult>, 'removed'>) => ({
  ask: removed?.kind === 'span' ? 'Show what it reads of the span' : 'Show where it looks',
  asksAtOnce: true,
  together: true,
});

/** Heads with at least half of the largest divergence, outliers left out. */
export const markedOf = (tables: Partial<Pick<StepTables, 'vhd' | 'outlier'>>): NonNullable<HeadsSection['marked']> =>
  affected(tables)
    .slice(0, mostMarked)
    .map(({ layer, head }) => ({ layer, head }));

function countWords(result: Partial<DivergenceResult>): string {
  const [selected, framed] = [placesWhere(result.selected).length, affected(result).length];
  return `Selected, which reinforcement scales: ${selected} of ${result.vhd?.flat().length ?? 0} heads. Framed: ${framed} with at least half of the largest VHD, outliers left out.`;
}

/** Where heads read: over the patches of the picture, or over the tokens of the span. */
export function spanSection(
  id: string,
  title: string,
  { image, span, sinks }: Pick<Partial<DivergenceResult>, 'image' | 'span' | 'sinks'>,
  { values, definition }: { readonly values: readonly number[]; readonly definition: string },
): ImageSection | TokensSection | undefined {
  const numbers = [build.scaled(upwards, 'attention', 'Attention', definition, values)];
  if (image) {
    const caption = [pictureWords(image, values, sinks), ...sinkWords(sinks)].join(' ');
    return { kind: 'image', id, title, caption, image, numbers, ...apartOf(sinks) };
  }
  const caption = `${percent(sum(values))} of this attention lies on the ${values.length} tokens of the span.`;
  return span && { kind: 'tokens', id, title, caption, tokens: span, numbers };
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

/** A sentence on one level of tiles: the others show the same parts of the picture again. */
function pictureWords({ tiles }: ImageSpan, values: readonly number[], sinks: ImageSinks | undefined): string {
  const shown = patchesOf(tiles, levelsOf(tiles)[0] ?? []).map(({ token }) => token);
  const drawing = new Set(sinks?.tokens.map(({ token }) => token));
  const mass = (tokens: readonly number[]): number => sum(tokens.map((token) => values[token] ?? 0));
  const onSinks = mass(shown.filter((token) => drawing.has(token)));
  return `${percent(mass(shown))} of this attention lies on these patches${onSinks > 0 ? `, ${percent(onSinks)} of it all on sinks` : ''}.`;
}

const sinkWords = (sinks: ImageSinks | undefined): readonly string[] =>
  sinks?.notApplicable === undefined ? [] : [`${sinks.notApplicable} A bright corner or border may be a sink.`];

/** An attention sink would leave the rest of a picture dark. */
const apartOf = (sinks: ImageSinks | undefined): Pick<ImageSection, 'apart'> =>
  sinks && sinks.tokens.length > 0
    ? {
        apart: {
          title: 'a sink, not a finding',
          definition: 'An attention sink draws attention whatever is said.',
          tokens: sinks.tokens.map(({ token }) => token),
        },
      }
    : {};

function attentionOf(result: Partial<DivergenceResult>): readonly Section[] {
  const { attention, selected } = result;
  if (!attention || placesWhere(selected).length === 0) return [];
  const section = spanSection('attention', 'Where the selected heads read', result, {
    values: attention,
    definition: 'p(query, key) of the first token, mean over the selected heads',
  });
  return section ? [section] : [];
}

function layersOf({ vhd }: Partial<DivergenceResult>): readonly Section[] {
  if (!vhd || vhd.length < 2) return [];
  const series = (id: string, title: string, of: (row: readonly number[]) => number) =>
    build.line(
      id,
      title,
      // A layer without attention has no heads here.
      vhd.flatMap((row, x) => (row.length === 0 ? [] : [{ x, y: of(row), label: `L${x}` }])),
    );
  return [
    build.chart('layers', 'VHD by layer', '', build.axis('Layer'), build.axis('VHD', '', { min: 0 }), [
      series('largest', 'Largest head', (row) => Math.max(...row)),
      series('median', 'Lower median of the heads', lowerMedian),
    ]),
  ];
}

const layerTableOf = ({ vhd, textEnergy, visualAttention, outlier, selected, k }: Partial<DivergenceResult>) =>
  vhd && textEnergy && visualAttention && outlier && selected && k !== undefined
    ? // Shows the numbers of its result alone, which holds no mean of a layer.
      [layerTable({ vhd, textEnergy, outlier, selected }, { k })]
    : [];

interface Layers {
  /** Heads of each layer that T-VHD adds up. */
  readonly k: number;
  readonly reinforced?: readonly number[];
  readonly removed?: DivergenceResult['removed'];
}

/** What the heads of each layer add up to at one step. */
export function layerTable(tables: StepTables, { k, reinforced, removed }: Layers): TableSection {
  const flagged = (flags: readonly (readonly boolean[])[], layer: number): number =>
    flags[layer]?.filter(Boolean).length ?? 0;
  const { visualAttention } = tables;
  return build.table<number>(
    'layer-sums',
    'Layers',
    '',
    [...tables.vhd.keys()],
    [
      build.count('layer', 'Layer', 'from 0', (layer) => layer),
      build.number(
        'vhd_sum',
        k === 1 ? 'Largest VHD' : `Sum of the ${k} largest VHD`,
        'what the layer adds to T-VHD, outliers counted',
        (layer) => sumOfLargest(tables.vhd[layer] ?? [], k),
      ),
      visualAttention && {
        ...build.number<number>(
          'visual_attention_mean',
          'Mean attention',
          `share of the attention on ${removedWords(removed ? { removed } : {})}, mean over the heads of the layer`,
          (layer) => mean(visualAttention[layer] ?? []),
        ),
        as: 'percent' as const,
      },
      build.count('selected', 'Selected', 'heads that reinforcement scales', 'heads', (layer) =>
        flagged(tables.selected, layer),
      ),
      build.count('outliers', 'Outliers', 'heads that are left out', 'heads', (layer) =>
        flagged(tables.outlier, layer),
      ),
      reinforced &&
        build.text<number>('reinforced', 'Reinforced', (layer) => (reinforced.includes(layer) ? 'yes' : '')),
    ],
  );
}

const sumOfLargest = (row: readonly number[], k: number): number =>
  row
    .filter(Number.isFinite)
    .sort((a, b) => b - a)
    .slice(0, k)
    .reduce((sum, value) => sum + value, 0);

function mean(row: readonly number[]): number {
  const finite = row.filter(Number.isFinite);
  return finite.length === 0 ? Number.NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length;
}

function sinksOf({ sinks }: Partial<DivergenceResult>): readonly Section[] {
  if (!sinks) return [];
  const { notApplicable, tokens } = sinks;
  const words =
    notApplicable ??
    (tokens.length === 0
      ? 'No image token is an attention sink.'
      : `Attention sinks among the image tokens, which draw attention whatever the text says: ${tokens.map(({ token }) => token).join(', ')}.`);
  return [build.paragraphs('sinks', 'Attention sinks', [words])];
}

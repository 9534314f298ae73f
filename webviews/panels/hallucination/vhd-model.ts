/** What the map of divergences shows: places, colours and words of its cells and of the bars beside them. No DOM. */
import type { OutlierRule, VhdDistance } from '../../../protocol/interventions/reinforcement';
import type { PerHead } from '../../../protocol/results/heads';
import { cividis, diverging, type Rgb } from '../../charts/colour-map';
import { headName } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import { percent, signed, significant } from '../../ui/numbers';
import type { ShownStep } from './shown';
import type { Measure } from './view';

export interface VhdModel {
  readonly layers: number;
  readonly heads: number;
  readonly step: ShownStep;
  readonly measure: Measure | 'change';
  /** What colours the cells: divergences, shares of the attention, or changes of the divergence from another result. */
  readonly values: PerHead;
  readonly k: number;
  /** What the second pass lacks, in words. */
  readonly lacks: string;
  /** Layers that are reinforced, marked at their side. */
  readonly reinforced: ReadonlySet<number>;
  /** Ends of the colour scale. */
  readonly low: number;
  readonly high: number;
  readonly logarithmic: boolean;
  /**
   * By layer. Of divergences the sum of the k largest, outliers counted (equation 5): what the layer adds to T-VHD. Of attention
   * the mean over the heads. Of changes none: they may cancel out.
   */
  readonly sums: readonly number[];
  readonly mostSum: number;
}

/** Three decades below the largest value: smaller ones are the same dark. */
const decades = 3;

export interface VhdOptions {
  readonly k: number;
  readonly reinforced: readonly number[];
  readonly lacks: string;
  /** Attention only where the step has it. */
  readonly measure: Measure;
}

export function vhdModel(step: ShownStep, { k, reinforced, lacks, measure }: VhdOptions): VhdModel {
  const attention = measure === 'attention' ? step.visualAttention : undefined;
  const values = attention ?? step.vhd;
  const positive = values.flat().filter((value) => Number.isFinite(value) && value > 0);
  const high = positive.length > 0 ? Math.max(...positive) : 1;
  const least = positive.length > 0 ? Math.min(...positive) : 1;
  // Divergences are read on the same kind of scale at every step; shares as they lie, unless two decades do not hold them.
  const logarithmic = attention === undefined || least < high / 100;
  const sums = values.map((row) => (attention ? mean(row) : sumOfLargest(row, k)));
  return {
    layers: values.length,
    heads: values[0]?.length ?? 0,
    step,
    measure: attention ? 'attention' : 'divergence',
    values,
    k,
    lacks,
    reinforced: new Set(reinforced),
    low: logarithmic ? Math.max(least, high / 10 ** decades) : 0,
    high,
    logarithmic,
    sums,
    mostSum: Math.max(...sums, 0),
  };
}

/**
 * Changes of the divergence at the first word, of this result minus the other one, [layers][heads]; outlines and hatching are
 * those of this one. The scale reaches as far below zero as above.
 */
export function changeModel(here: ShownStep, there: PerHead, lacks: string): VhdModel {
  const values = here.vhd.map((row, layer) => row.map((value, head) => value - (there[layer]?.[head] ?? Number.NaN)));
  const high = Math.max(0, ...values.flat().filter(Number.isFinite).map(Math.abs));
  return {
    layers: values.length,
    heads: values[0]?.length ?? 0,
    step: here,
    measure: 'change',
    values,
    k: 0,
    lacks,
    reinforced: new Set(),
    low: -high,
    high,
    logarithmic: false,
    sums: [],
    mostSum: 0,
  };
}

const sumOfLargest = (row: readonly number[], k: number): number =>
  row
    .filter(Number.isFinite)
    .sort((a, b) => b - a)
    .slice(0, k)
    .reduce((sum, value) => sum + value, 0);

function mean(row: readonly number[]): number {
  const finite = row.filter(Number.isFinite);
  return finite.length === 0 ? 0 : finite.reduce((sum, value) => sum + value, 0) / finite.length;
}

export const layerDivergence = ({ step, k }: VhdModel, layer: number): number => sumOfLargest(step.vhd[layer] ?? [], k);

export const layerAttention = ({ step }: VhdModel, layer: number): number => mean(step.visualAttention?.[layer] ?? []);

/** What colours the cell. */
export const shownAt = ({ values }: VhdModel, { layer, head }: HeadPlace): number =>
  values[layer]?.[head] ?? Number.NaN;

export const divergenceAt = ({ step }: VhdModel, { layer, head }: HeadPlace): number =>
  step.vhd[layer]?.[head] ?? Number.NaN;

export const attentionAt = ({ step }: VhdModel, { layer, head }: HeadPlace): number | undefined =>
  step.visualAttention?.[layer]?.[head];

/** 0..1 between the ends of the scale. */
export function shareOf(
  { low, high, logarithmic }: Pick<VhdModel, 'low' | 'high' | 'logarithmic'>,
  value: number,
): number {
  if (!(value > 0)) return 0;
  if (high <= low) return 1;
  const share = logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.min(1, Math.max(0, share));
}

/** Of changes blue over the theme's ground to orange, centred on no change. */
export function colourAt(model: VhdModel, place: HeadPlace, dark: boolean): Rgb {
  const value = shownAt(model, place);
  if (model.measure !== 'change') return cividis(shareOf(model, value));
  return diverging(model.high > 0 && Number.isFinite(value) ? value / model.high : 0, dark);
}

export const isOutlier = ({ step }: VhdModel, { layer, head }: HeadPlace): boolean =>
  step.outlier[layer]?.[head] === true;
export const isSelected = ({ step }: VhdModel, { layer, head }: HeadPlace): boolean =>
  step.selected[layer]?.[head] === true;

// Words.

export const distanceInfos: readonly {
  readonly id: VhdDistance;
  readonly title: string;
  readonly definition: string;
}[] = [
  {
    id: 'l2',
    title: 'Euclidean (paper)',
    definition: 'Norm of the difference of the head’s output with and without the image, before the output projection.',
  },
  { id: 'squared', title: 'Squared (release)', definition: 'The square of it, as the released code computes.' },
  {
    id: 'relative',
    title: 'Relative',
    definition:
      'The norm of the difference over the norm of the output without the image: free of the head’s own size.',
  },
  { id: 'cosine', title: 'Cosine', definition: '1 − cosine of the two outputs: direction alone, 0 to 2.' },
];

export const outlierInfos: readonly {
  readonly id: OutlierRule;
  readonly title: string;
  readonly definition: string;
}[] = [
  {
    id: 'paper',
    title: 'Paper',
    definition:
      'A head is left out when both its divergence and its text energy pass mean + standard deviation of its layer: a burst when the image is absent, not a look at it.',
  },
  {
    id: 'release',
    title: 'Release',
    definition:
      'As the released code: unbiased deviation, and tried only where the layer’s deviation exceeds 1 in squared units.',
  },
  { id: 'off', title: 'Off', definition: 'No head is left out.' },
];

/** `layer 2 head 5, divergence 3.1, selected`: what is announced of the focused cell. */
export const announcementOf = (model: VhdModel, place: HeadPlace): string =>
  [
    `layer ${place.layer} head ${place.head}`,
    model.measure === 'change'
      ? `change ${signed(shownAt(model, place))}`
      : model.measure === 'attention'
        ? `${percent(shownAt(model, place))} of its attention on ${model.lacks}`
        : `divergence ${significant(divergenceAt(model, place))}`,
    ...(isSelected(model, place) ? ['selected'] : []),
    ...(isOutlier(model, place) ? ['outlier'] : []),
  ].join(', ');

/** One line with the exact values of a head. */
export function readoutOf(model: VhdModel, place: HeadPlace): string {
  if (model.measure === 'change') {
    const [here, change] = [divergenceAt(model, place), shownAt(model, place)];
    return [
      headName(place.layer, place.head),
      `change ${signed(change)}`,
      `VHD ${significant(here)} here`,
      `${significant(here - change)} there`,
    ].join(' · ');
  }
  const attention = attentionAt(model, place);
  const ofLayer = model.sums[place.layer] ?? 0;
  return [
    headName(place.layer, place.head),
    `VHD ${significant(divergenceAt(model, place))}`,
    `text energy ${significant(model.step.textEnergy[place.layer]?.[place.head] ?? Number.NaN)}`,
    isOutlier(model, place) ? 'outlier, left out' : isSelected(model, place) ? 'selected' : 'not selected',
    ...(attention === undefined ? [] : [`${percent(attention)} of its attention on ${model.lacks}`]),
    model.measure === 'attention'
      ? `mean of layer ${place.layer} ${percent(ofLayer)}`
      : `layer ${place.layer} adds ${significant(ofLayer)} to T-VHD`,
  ].join(' · ');
}

// Places.

export interface VhdLayout {
  /** All in CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly side: number;
  readonly tall: number;
  readonly gap: number;
  readonly bars: number;
  readonly barWidth: number;
}

export function vhdLayout({ layers, heads }: Pick<VhdModel, 'layers' | 'heads'>, width: number): VhdLayout {
  const left = 34;
  const top = 18;
  const barWidth = Math.max(56, Math.min(170, width * 0.3));
  const room = width - left - barWidth - 24;
  const gap = room / Math.max(1, heads) < 9 ? 1 : 2;
  const side = Math.max(3, Math.min(34, Math.floor((room - gap * (heads - 1)) / Math.max(1, heads))));
  // Few heads on much room are wide, many layers stay on one screen.
  const tall = Math.max(3, Math.min(side, layers > 16 ? 14 : 28));
  return {
    width,
    height: top + layers * (tall + gap) + 2,
    left,
    top,
    side,
    tall,
    gap,
    bars: left + heads * (side + gap) + 14,
    barWidth,
  };
}

export const cellX = ({ left, side, gap }: VhdLayout, head: number): number => left + head * (side + gap);
export const cellY = ({ top, tall, gap }: VhdLayout, layer: number): number => top + layer * (tall + gap);

export function placeAt(model: VhdModel, layout: VhdLayout, x: number, y: number): HeadPlace | undefined {
  const layer = Math.floor((y - layout.top) / (layout.tall + layout.gap));
  const head = Math.floor((x - layout.left) / (layout.side + layout.gap));
  return layer >= 0 && layer < model.layers && head >= 0 && head < model.heads ? { layer, head } : undefined;
}

/** What the map of divergences shows: places, colours and words of its cells and of the bars beside them. No DOM. */
import type { OutlierRule, VhdDistance } from '../../../protocol/results/hallucination';
import { cividis, type Rgb } from '../../charts/colour-map';
import { headName, type HeadPlace } from '../../ui/head-names';
import { significant } from '../../ui/numbers';
import type { ShownStep } from './shown';

export interface VhdModel {
  readonly layers: number;
  readonly heads: number;
  readonly step: ShownStep;
  readonly k: number;
  /** Layers that are reinforced, marked at their side. */
  readonly reinforced: ReadonlySet<number>;
  /** Smallest and largest coloured value, for a logarithmic scale. */
  readonly low: number;
  readonly high: number;
  /** By layer: sum of the k largest, outliers counted (equation 5): what the layer adds to T-VHD. */
  readonly sums: readonly number[];
  readonly mostSum: number;
}

/** Three decades below the largest value: smaller ones are the same dark. */
const decades = 3;

export function vhdModel(step: ShownStep, k: number, reinforced: readonly number[]): VhdModel {
  const values = step.vhd.flat().filter((value) => Number.isFinite(value) && value > 0);
  const high = values.length > 0 ? Math.max(...values) : 1;
  const least = values.length > 0 ? Math.min(...values) : 1;
  const sums = step.vhd.map((row) =>
    row
      .filter(Number.isFinite)
      .sort((a, b) => b - a)
      .slice(0, k)
      .reduce((sum, value) => sum + value, 0),
  );
  return {
    layers: step.vhd.length,
    heads: step.vhd[0]?.length ?? 0,
    step,
    k,
    reinforced: new Set(reinforced),
    low: Math.max(least, high / 10 ** decades),
    high,
    sums,
    mostSum: Math.max(...sums, 0),
  };
}

export const valueAt = ({ step }: VhdModel, { layer, head }: HeadPlace): number =>
  step.vhd[layer]?.[head] ?? Number.NaN;

/** 0..1 between low and high on a logarithmic scale. */
export function shareOf({ low, high }: Pick<VhdModel, 'low' | 'high'>, value: number): number {
  if (!(value > 0)) return 0;
  if (high <= low) return 1;
  return Math.min(1, Math.max(0, Math.log(value / low) / Math.log(high / low)));
}

export const colourAt = (model: VhdModel, place: HeadPlace): Rgb => cividis(shareOf(model, valueAt(model, place)));

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
    `divergence ${significant(valueAt(model, place))}`,
    ...(isSelected(model, place) ? ['selected'] : []),
    ...(isOutlier(model, place) ? ['outlier'] : []),
  ].join(', ');

/** One line with the exact values of a head. */
export const readoutOf = (model: VhdModel, place: HeadPlace): string =>
  [
    headName(place.layer, place.head),
    `VHD ${significant(valueAt(model, place))}`,
    `text energy ${significant(model.step.textEnergy[place.layer]?.[place.head] ?? Number.NaN)}`,
    isOutlier(model, place) ? 'outlier, left out' : isSelected(model, place) ? 'selected' : 'not selected',
    `layer ${place.layer} adds ${significant(model.sums[place.layer] ?? 0)} to T-VHD`,
  ].join(' · ');

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

/** Points, lines or bars on two axes. */
import type { Figure } from './figure';
import type { SectionOf } from './section-base';

export interface SectionAxis {
  readonly title: string;
  /** Empty for a share or a count without a unit. */
  readonly unit: string;
  readonly scale: 'linear' | 'log2' | 'log10' | 'category';
  /** Names along a `category` axis: x counts them from 0. */
  readonly categories?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

export interface SectionSeries {
  readonly id: string;
  readonly title: string;
  /** `stack`: bars that stand on those of the series before; y is the height of the bar. */
  readonly mark: 'line' | 'points' | 'bars' | 'stack';
  /** Numbers from 0: series of one number share a colour or a shape. Absent: each has its own. */
  readonly look?: { readonly colour: number; readonly shape: number };
  readonly points: readonly {
    readonly x: Figure;
    readonly y: Figure;
    readonly low?: Figure;
    readonly high?: Figure;
    /** Name of the point, e.g. of the head. */
    readonly label?: string;
  }[];
}

export interface ChartSection extends SectionOf<'chart'> {
  readonly x: SectionAxis;
  readonly y: SectionAxis;
  readonly series: readonly SectionSeries[];
  /** Straight lines, e.g. y = x or a level of chance. */
  readonly references?: readonly {
    readonly label: string;
    readonly from: readonly [x: number, y: number];
    readonly to: readonly [x: number, y: number];
  }[];
  /** What the band about a line or the whisker of a point is. */
  readonly interval?: string;
}

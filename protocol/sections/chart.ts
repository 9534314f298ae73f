/** Points, lines or bars on two axes. */
import type { Output } from '../schema/check';
import {
  type KindOutput,
  figure,
  list,
  number,
  object,
  oneOf,
  optional,
  pair,
  text,
  texts,
  wholeFrom,
} from '../schema/fields';
import { base, mostPoints } from './section-base';

const mostSeries = 256;

const axis = object({
  title: text,
  /** Empty for a share or a count without a unit. */
  unit: text,
  scale: oneOf(['linear', 'log2', 'log10', 'category']),
  /** Names along a `category` axis: x counts them from 0. */
  categories: optional(texts),
  min: optional(number),
  max: optional(number),
});
export type SectionAxis = Output<typeof axis>;

const point = object({
  x: figure,
  y: figure,
  low: optional(figure),
  high: optional(figure),
  /** Name of the point, e.g. of the head. */
  label: optional(text),
});

const series = object({
  id: text,
  title: text,
  /** `stack`: bars that stand on those of the series before; y is the height of the bar. */
  mark: oneOf(['line', 'points', 'bars', 'stack']),
  /** Numbers from 0: series of one number share a colour or a shape. Absent: each has its own. */
  look: optional(object({ colour: wholeFrom(0, 255), shape: wholeFrom(0, 255) })),
  points: list(point, 'a list of points', { most: mostPoints }),
});
export type SectionSeries = Output<typeof series>;

/** [x, y] */
const end = pair(number, number, 'two numbers');

export const chart = {
  ...base,
  x: axis,
  y: axis,
  series: list(series, 'a list of series', { most: mostSeries }),
  /** Straight lines, e.g. y = x or a level of chance. */
  references: optional(list(object({ label: text, from: end, to: end }), 'a list of lines', { most: mostSeries })),
  /** What the band about a line or the whisker of a point is. */
  interval: optional(text),
};
export type ChartSection = KindOutput<'chart', typeof chart>;

/** Where a number stands on its scale, and the colour there. */
import type { Figure, Scale } from '../../protocol/sections/figure';
import { cividis, diverging, mix, parseColour, scaleStops, type Rgb } from '../charts/colour-map';
import type { Theme } from '../ui/theme';

export interface Domain {
  readonly kind: Scale['kind'];
  readonly low: number;
  readonly high: number;
  readonly curve?: Scale['curve'];
}

/** A logarithmic scale spans at most this many decades below its end: smaller numbers are the same dark. */
const decades = 3;

/** What a scale spans for these values; never empty. */
export function domainOf(scale: Scale, values: Iterable<Figure>): Domain {
  let [least, most, leastAbove0] = [Infinity, -Infinity, Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
    if (value > 0 && value < leastAbove0) leastAbove0 = value;
  }
  if (scale.kind === 'diverging') {
    const given = [finite(scale.min), finite(scale.max)].flatMap((end) => (end === undefined ? [] : [Math.abs(end)]));
    const seen = least <= most ? Math.max(Math.abs(least), Math.abs(most)) : 0;
    const reach = given.length > 0 ? Math.max(...given) : seen;
    return { kind: 'diverging', low: -(reach || 1), high: reach || 1 };
  }
  const low = finite(scale.min) ?? Math.min(0, least <= most ? least : 0);
  const high = finite(scale.max) ?? (least <= most ? most : 1);
  const end = high > low ? high : low + 1;
  const { curve } = scale;
  if (curve === undefined || low < 0) return { kind: 'sequential', low, high: end };
  if (curve !== 'log') return { kind: 'sequential', low: 0, high: end, curve };
  const lowest = end / 10 ** decades;
  return { kind: 'sequential', low: leastAbove0 < end ? Math.max(lowest, leastAbove0) : lowest, high: end, curve };
}

const finite = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) ? value : undefined;

/** 0..1 from the low to the high end, clamped; NaN stays NaN. */
export function shareOf(value: Figure, { low, high, curve }: Domain): number {
  const share =
    curve === 'log'
      ? value > 0
        ? Math.log(value / low) / Math.log(high / low)
        : value * 0
      : curve === 'root'
        ? Math.sqrt(Math.max(0, value) / high)
        : (value - low) / (high - low);
  return Math.min(1, Math.max(0, share));
}

/** Undefined where there is no number. */
export function colourAt(value: Figure, domain: Domain, dark: boolean): Rgb | undefined {
  if (Number.isNaN(value)) return undefined;
  const share = shareOf(value, domain);
  return domain.kind === 'diverging' ? diverging(2 * share - 1, dark) : cividis(share);
}

/** The colour of a cell without a number: a little off the ground, so that it is seen to be there. */
export const noValueColour = ({ background, foreground }: Theme): Rgb =>
  mix(parseColour(background), parseColour(foreground), 0.08);

export const stopsOf = ({ kind }: Domain, dark: boolean): string[] => scaleStops(kind === 'diverging', dark);

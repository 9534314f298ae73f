/** What an axis of a chart spans, where it has its ticks, and where a value stands on it. */
import { binaryTicks, decimalTicks, leastApart, linearDomain, linearTicks, logDomain, thin, type Domain } from './axis';
import type { Axis } from './chart';
import { textWidth } from './text-width';

export function domainOfAxis(axis: Axis, values: readonly number[], padding: number): Domain {
  if (axis.scale === 'category') return [-0.5, Math.max(1, axis.categories ?? 0) - 0.5];
  const all = [...values, ...(axis.include ?? [])];
  if (axis.scale === 'linear') return linearDomain(all, axis, padding);
  const [low, high] = logDomain(all, padding);
  const given = (end: number | undefined): number | undefined => (end !== undefined && end > 0 ? end : undefined);
  return [given(axis.min) ?? low, given(axis.max) ?? high];
}

/** 0..1 along the axis. */
export const place = ({ scale }: Axis, [low, high]: Domain, value: number): number =>
  scale === undefined ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);

export function ticksOf(axis: Axis, domain: Domain, room: number): readonly number[] {
  if (axis.scale === 'category') return thin(placesOf(axis), room);
  if (axis.scale === 'linear') return linearTicks(domain, room);
  const binary = axis.base === 2 ? binaryTicks(domain, room) : [];
  // A ratio that hardly leaves one has no two powers of two to stand on.
  return binary.length >= 2 ? binary : decimalTicks(domain, room);
}

const placesOf = ({ categories = 0 }: Axis): readonly number[] => Array.from({ length: categories }, (_, at) => at);

/** `turned`: names of categories that have no room beside each other are written aslant, so much further down. */
export function xTicksOf(
  axis: Axis,
  domain: Domain,
  plotWidth: number,
  fontSize: number,
): { readonly ticks: readonly number[]; readonly turned: number } {
  const widestOf = (ticks: readonly number[]): number =>
    ticks.reduce((most, tick) => Math.max(most, textWidth(axis.format(tick), fontSize)), 16);
  const roomFor = (ticks: readonly number[]): number => Math.max(2, Math.floor(plotWidth / (widestOf(ticks) + 12)));
  if (axis.scale === 'category') {
    const all = placesOf(axis);
    const widest = widestOf(all.slice(0, 200));
    if (all.length * (widest + 8) <= plotWidth) return { ticks: all, turned: 0 };
    return {
      ticks: thin(all, Math.max(2, Math.floor(plotWidth / (fontSize + 6)))),
      turned: Math.ceil(Math.min(72, widest * 0.7)),
    };
  }
  const wanted = axis.scale === undefined && axis.base === 2 ? (axis.include ?? []) : [];
  const apart = wanted.every((value, index) => index === 0 || value >= leastApart * (wanted[index - 1] ?? 0));
  if (wanted.length > 0 && apart) return { ticks: thin(wanted, roomFor(wanted)), turned: 0 };
  const all = ticksOf(axis, domain, axis.scale === 'linear' ? 12 : 64);
  const ticks = ticksOf(axis, domain, roomFor(all));
  const whole = ticks.filter((tick) => Number.isInteger(tick));
  return { ticks: axis.whole && whole.length > 1 ? whole : ticks, turned: 0 };
}

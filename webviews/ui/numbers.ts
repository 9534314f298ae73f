/** How numbers are written on every panel: three significant digits, thousands grouped, units beside them. */

import { count, grouped, significant } from '../../protocol/wire/digits';

export { count, significant };

/** A number of an axis: as few digits as it takes, at most three. */
export function tick(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e6)) return value.toExponential().replace('e+', 'e');
  return grouped.format(Number(value.toPrecision(3)));
}

/** A probability under the null: `< 0.001`, or three digits. */
export const probability = (p: number): string => (p < 0.001 ? '< 0.001' : significant(p));

export interface Unit {
  readonly name: string;
  /** How many of the base unit one of this is. */
  readonly size: number;
}

export const byteUnits: readonly Unit[] = [
  { name: 'B', size: 1 },
  { name: 'kB', size: 1e3 },
  { name: 'MB', size: 1e6 },
  { name: 'GB', size: 1e9 },
  { name: 'TB', size: 1e12 },
];

/** The largest unit in which `value` is at least one. */
export function unitFor(value: number, units: readonly Unit[]): Unit {
  const fitting = units.filter((unit) => Math.abs(value) >= unit.size);
  return fitting.at(-1) ?? (units[0] as Unit);
}

/** Decimal units (1 GB = 10^9 bytes), as the roof and the tables use. */
export function bytes(value: number): string {
  const unit = unitFor(value, byteUnits);
  return `${significant(value / unit.size)} ${unit.name}`;
}

export function milliseconds(value: number): string {
  return value >= 1e4 ? `${significant(value / 1e3)} s` : `${significant(value)} ms`;
}

/** Time left or taken, for sentences: `8 s`, `2 min 10 s`, `1 h 5 min`. */
export function seconds(value: number): string {
  const whole = Math.max(0, Math.round(value));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** How long a run took: tenths of a second while it is short. */
export const took = (value: number): string => (value < 10 ? `${significant(value, 2)} s` : seconds(value));

/** A share: `50.0 %`; a dash where there is none. */
export const percent = (share: number | null | undefined, digits = 3): string =>
  share === null || share === undefined || !Number.isFinite(share) ? '–' : `${significant(share * 100, digits)} %`;

/** A change: `+2.55`, `-1.00`, `0`; a dash where there is none. */
export const signed = (change = Number.NaN, digits = 3): string =>
  `${change > 0 ? '+' : ''}${significant(change, digits)}`;

/** `1 word`, `1,200 words`. */
export const plural = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`;

/** Numbers of sections in words: the value with its unit, and the interval about it. */
import type { Figure } from '../../protocol/sections/figure';
import { significant } from '../ui/numbers';

/** `0.93`, `12.0 ms`, `+0.12 nats`; `no value` for NaN. */
export function valueWords(value: Figure, unit: string, signed = false): string {
  if (Number.isNaN(value)) return 'no value';
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : 'minus infinite';
  return `${signed && value > 0 ? '+' : ''}${significant(value)}${unit === '' ? '' : ` ${unit}`}`;
}

/** `0.91 to 0.95, 95 % interval over prompts`; undefined where there is none. */
export function intervalWords(low: Figure | undefined, high: Figure | undefined, what: string | undefined) {
  if (low === undefined || high === undefined || Number.isNaN(low) || Number.isNaN(high)) return undefined;
  return `${significant(low)} to ${significant(high)}${what === undefined ? '' : `, ${what}`}`;
}

export const withUnit = (title: string, unit: string): string => (unit === '' ? title : `${title} (${unit})`);

/** More are written as powers of ten. */
const mostDecimals = 4;

/** Numbers of one picture with the same decimals, so that they can be compared at a glance: as many as its span asks for. */
export function evenly(value: Figure, span: number): string {
  if (!Number.isFinite(value)) return significant(value);
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(span > 0 ? span : 1)));
  // All would be 0.0000.
  if (decimals > mostDecimals) return value === 0 ? '0' : value.toExponential(1);
  return value.toFixed(decimals).replace(/^-(0(?:\.0+)?)$/, '$1');
}

/** A text cut to a number of characters, for labels that come from elsewhere. */
export const shortened = (text: string, most: number): string =>
  text.length <= most ? text : `${[...text.slice(0, most * 2)].slice(0, most - 1).join('')}…`;

/** Parts of the written forms that several kinds share. */
import type { Output } from './check';
import { object, wholeFrom } from './fields';

/** A number in decimal notation; undefined for anything else, such as the 0x10 and the blanks that Number reads. */
export const decimal = (text: string): number | undefined =>
  /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : undefined;

/** `PLACE=VALUE`, at the first equals sign. */
export function halves(text: string): readonly [place: string, value: string] | undefined {
  const at = text.indexOf('=');
  return at < 0 ? undefined : [text.slice(0, at).trim(), text.slice(at + 1)];
}

/** A head by its layer and its number there, both from 0. */
export interface HeadPlace {
  readonly layer: number;
  readonly head: number;
}

/** `2.5` or `L2H5`. */
export function headPlace(text: string): HeadPlace | undefined {
  const parts = /^\s*L?(\d+)[.H](\d+)\s*$/i.exec(text);
  return parts ? { layer: Number(parts[1]), head: Number(parts[2]) } : undefined;
}

export const headName = ({ layer, head }: HeadPlace): string => `L${layer}H${head}`;

/** Half-open. */
export const range = object(
  { start: wholeFrom(0, 1 << 24), end: wholeFrom(1, (1 << 24) + 1) },
  'a range of positions with start and end',
);
export type Range = Output<typeof range>;

/** `3-9`, both counted, or `3`. */
export function rangeOf(text: string): Range | undefined {
  const parts = /^\s*(\d{1,7})(?:\s*-\s*(\d{1,7}))?\s*$/.exec(text);
  const [start, last] = [Number(parts?.[1]), Number(parts?.[2] ?? parts?.[1])];
  return !parts || last < start ? undefined : { start, end: last + 1 };
}

export const rangeText = ({ start, end }: Range): string => (end - start === 1 ? `${start}` : `${start}-${end - 1}`);

/** `PLACE@FROM-TO`, or the place alone. */
export function placeAndPositions(text: string): { readonly place: string; readonly positions?: Range } | undefined {
  const at = text.indexOf('@');
  if (at < 0) return { place: text };
  const positions = rangeOf(text.slice(at + 1));
  return positions && { place: text.slice(0, at), positions };
}

export const positionsText = (positions: Range | undefined): string => (positions ? `@${rangeText(positions)}` : '');

export const positionsWords = (positions: Range | undefined): string =>
  positions === undefined
    ? 'at every position'
    : positions.end - positions.start === 1
      ? `at position ${positions.start}`
      : `at the positions ${positions.start} to ${positions.end - 1}`;

/** A text inside a form: as it is, or as a JSON string where its ends or its breaks would be lost. */
export const quoted = (text: string): string =>
  /^["[\s]|\s$|[\u0000-\u001f]/.test(text) || text === '' ? JSON.stringify(text) : text;

export function unquoted(text: string): string | undefined {
  if (!text.startsWith('"')) return text === '' ? undefined : text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

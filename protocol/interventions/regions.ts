/**
 * Regions of a prompt: ranges of positions (`3-9`, both counted), rectangles of image patches as rows x columns (`0-3x2-5`, counted
 * in the whole picture), or `image`, joined by commas; several regions are separated by slashes.
 */
import type { Output, Schema } from '../schema/check';
import { either, exactly, list, object } from '../schema/fields';
import { rangeField } from './fields';
import { type Range, rangeOf, rangeText } from '../schema/written-form';

export type RegionPart = Range | Box | 'image';
export type Region = readonly RegionPart[];

export const boxField = object({ rows: rangeField, columns: rangeField }, 'rows and columns');
export type Box = Output<typeof boxField>;

const part: Schema<RegionPart> = either(
  either(rangeField, exactly('image'), '"image" or a range of positions'),
  boxField,
  '"image", a range of positions with start and end, or rows and columns of patches',
);

export const regionField: Schema<Region> = list(part, 'a list of ranges and rectangles', { least: 1, most: 1000 });

export function boxOf(text: string): Box | undefined {
  const [first, second, ...more] = text.split('x');
  const [rows, columns] = [rangeOf(first ?? ''), rangeOf(second ?? '')];
  return rows && columns && more.length === 0 ? { rows, columns } : undefined;
}

const partOf = (text: string): RegionPart | undefined =>
  text.trim() === 'image' ? 'image' : (rangeOf(text) ?? boxOf(text));

export function regionOf(text: string): Region | undefined {
  const parts = text.split(',').map(partOf);
  return parts.every((each) => each !== undefined) ? parts : undefined;
}

/** One region or more. */
export function regionListOf(text: string): readonly Region[] | undefined {
  const regions = text.split('/').map(regionOf);
  return regions.every((each) => each !== undefined) ? regions : undefined;
}

/** Two or more regions. */
export function regionsOf(text: string): readonly Region[] | undefined {
  const regions = regionListOf(text);
  return regions && regions.length > 1 ? regions : undefined;
}

export const boxText = ({ rows, columns }: Box): string => `${rangeText(rows)}x${rangeText(columns)}`;

const partText = (one: RegionPart): string => (one === 'image' ? one : 'rows' in one ? boxText(one) : rangeText(one));

export const regionText = (region: Region): string => region.map(partText).join(',');
export const regionsText = (regions: readonly Region[]): string => regions.map(regionText).join('/');

/** A, B, C: what regions are called beside their written form. */
export const regionLetter = (at: number): string => String.fromCharCode(65 + (at % 26));

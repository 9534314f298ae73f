/** The cells of a map as a raster no finer than the screen: of several cells in one texel the one farthest from zero is kept. */
import type { Figure } from '../../../protocol/sections/figure';
import { colourAt, type Domain } from '../colours';
import type { Rgb } from '../../charts/colour-map';

export interface Pooled {
  readonly columns: number;
  readonly rows: number;
  /** [rows][columns]; NaN where no cell has a number. */
  readonly values: Float64Array;
}

export function pooled(values: readonly (readonly Figure[])[], columns: number, mostRows: number, mostColumns: number) {
  const toRows = Math.max(1, Math.min(values.length, Math.floor(mostRows)));
  const toColumns = Math.max(1, Math.min(columns, Math.floor(mostColumns)));
  const kept = new Float64Array(toRows * toColumns).fill(Number.NaN);
  values.forEach((row, at) => {
    const to = Math.floor((at * toRows) / values.length) * toColumns;
    for (let column = 0; column < columns; column += 1) {
      const value = row[column] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      const place = to + Math.floor((column * toColumns) / columns);
      const before = kept[place] ?? Number.NaN;
      if (Number.isNaN(before) || Math.abs(value) > Math.abs(before)) kept[place] = value;
    }
  });
  return { columns: toColumns, rows: toRows, values: kept } satisfies Pooled;
}

export function pixelsOf(
  { values }: Pooled,
  domain: Domain,
  dark: boolean,
  noValue: Rgb,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, at) => {
    const [red, green, blue] = colourAt(value, domain, dark) ?? noValue;
    rgba.set([red, green, blue, 255], at * 4);
  });
  return rgba;
}

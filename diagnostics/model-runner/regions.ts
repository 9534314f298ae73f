/** Which rows of a sequence a region names (protocol/interventions/regions.ts). */
import { regionText, boxText, type Box, type Region } from '../../protocol/interventions/regions';
import { rangeText, type Range } from '../../protocol/schema/written-form';
import type { Sequence } from './sequence';

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

type Given = Pick<Sequence, 'ids' | 'image' | 'groups'>;

const whole = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, at) => start + at);

/** Rows of the image tokens, in their order; none without a picture. */
export function imageRows({ image, groups }: Given): readonly number[] {
  if (!image) return [];
  return groups?.find(({ name }) => name === 'image')?.positions ?? whole(image.start, image.end);
}

/** Rows of the patches of the whole picture, row by row, [rows x columns]; undefined without a picture. */
export function patchGrid(
  sequence: Given,
): { readonly rows: number; readonly columns: number; readonly at: readonly number[] } | undefined {
  const tile = sequence.image?.tiles[0];
  if (!tile) return undefined;
  const { rows, columns, first, stride } = tile;
  const tokens = imageRows(sequence);
  const at = whole(0, rows * columns).map(
    (cell) => tokens[first + Math.floor(cell / columns) * stride + (cell % columns)] ?? -1,
  );
  return { rows, columns, at };
}

/** Rows of a range or a rectangle, and how many rows and columns of a grid they are: a range is one row. */
export interface Area {
  readonly positions: readonly number[];
  readonly rows: number;
  readonly columns: number;
}

export const areaOf = (sequence: Given, area: Range | Box): Read<Area> =>
  'rows' in area ? ofBox(sequence, area) : ofRange(sequence, area);

function ofRange({ ids }: Given, range: Range): Read<Area> {
  if (range.end > ids.length) {
    return {
      ok: false,
      why: `${rangeText(range)} names position ${range.end - 1}, and the prompt has ${ids.length} tokens, from 0.`,
    };
  }
  const positions = whole(range.start, range.end);
  return { ok: true, value: { positions, rows: 1, columns: positions.length } };
}

function ofBox(sequence: Given, box: Box): Read<Area> {
  const grid = patchGrid(sequence);
  if (!grid) {
    return { ok: false, why: `${boxText(box)} names patches of a picture, and the prompt has none. Name positions.` };
  }
  if (box.rows.end > grid.rows || box.columns.end > grid.columns) {
    return {
      ok: false,
      why: `${boxText(box)} lies outside of the picture: it has ${grid.rows} rows and ${grid.columns} columns of patches, from 0.`,
    };
  }
  const columns = whole(box.columns.start, box.columns.end);
  const positions = whole(box.rows.start, box.rows.end).flatMap((row) =>
    columns.map((column) => grid.at[row * grid.columns + column] ?? -1),
  );
  return { ok: true, value: { positions, rows: box.rows.end - box.rows.start, columns: columns.length } };
}

/** Rows of each region, rising; refused where two regions share one. */
export function regionRows(sequence: Given, regions: readonly Region[]): Read<readonly (readonly number[])[]> {
  const owner = new Map<number, number>();
  const found: (readonly number[])[] = [];
  for (const [at, region] of regions.entries()) {
    const rows = new Set<number>();
    for (const part of region) {
      if (part === 'image') {
        if (!sequence.image) return { ok: false, why: 'The prompt has no picture. Name positions such as 3-9.' };
        for (const row of imageRows(sequence)) rows.add(row);
        continue;
      }
      const area = areaOf(sequence, part);
      if (!area.ok) return area;
      for (const row of area.value.positions) rows.add(row);
    }
    for (const row of rows) {
      const other = owner.get(row);
      if (other !== undefined) {
        const [first, second] = [regions[other] ?? [], region].map(regionText);
        return {
          ok: false,
          why: `Position ${row} is in the regions ${first} and ${second}. Regions that are kept apart share none.`,
        };
      }
    }
    for (const row of rows) owner.set(row, at);
    found.push([...rows].sort((a, b) => a - b));
  }
  return { ok: true, value: found };
}

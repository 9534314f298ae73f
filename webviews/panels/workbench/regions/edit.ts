/** Regions as they are drawn: rectangles added, moved, grown, taken out; tokens marked. Pure. */
import { regionLetter, type Box, type Region, type RegionPart } from '../../../../protocol/interventions/regions';
import { rangeText, type Range } from '../../../../protocol/schema/written-form';

export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** A part of a region by their places. */
export interface Place {
  readonly region: number;
  readonly part: number;
}

type Regions = readonly Region[];

export const isBox = (part: RegionPart | undefined): part is Box => typeof part === 'object' && 'rows' in part;
const isRange = (part: RegionPart): part is Range => part !== 'image' && 'start' in part;

export const boxBetween = (a: Cell, b: Cell): Box => ({
  rows: { start: Math.min(a.row, b.row), end: Math.max(a.row, b.row) + 1 },
  columns: { start: Math.min(a.column, b.column), end: Math.max(a.column, b.column) + 1 },
});

/** Moved as a whole, as far as the grid goes. */
export function movedBox({ rows, columns }: Box, down: number, right: number, grid: Grid): Box {
  const along = ({ start, end }: Range, by: number, length: number): Range => {
    const step = Math.max(-start, Math.min(length - end, by));
    return { start: start + step, end: end + step };
  };
  return { rows: along(rows, down, grid.rows), columns: along(columns, right, grid.columns) };
}

/** With its lower right corner moved; one patch stays. */
export function grownBox({ rows, columns }: Box, down: number, right: number, grid: Grid): Box {
  const along = ({ start, end }: Range, by: number, length: number): Range => ({
    start,
    end: Math.max(start + 1, Math.min(length, end + by)),
  });
  return { rows: along(rows, down, grid.rows), columns: along(columns, right, grid.columns) };
}

const steps: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Undefined for keys that do neither. */
export function steppedBox(box: Box, key: string, grow: boolean, grid: Grid): Box | undefined {
  const step = steps[key];
  return step && (grow ? grownBox : movedBox)(box, ...step, grid);
}

export const partAt = (regions: Regions, { region, part }: Place): RegionPart | undefined => regions[region]?.[part];

export const withPart = (regions: Regions, { region, part }: Place, to: RegionPart): Regions =>
  regions.map((one, at) => (at === region ? one.map((each, index) => (index === part ? to : each)) : one));

/** A region without parts is gone, and those behind it move up by a letter. */
export const withoutPart = (regions: Regions, { region, part }: Place): Regions =>
  regions
    .map((one, at) => (at === region ? one.filter((_, index) => index !== part) : one))
    .filter(({ length }) => length > 0);

/** As a part of the region `into`, or as a region of its own behind the others. */
export const withAdded = (regions: Regions, into: number, part: RegionPart): Regions =>
  into < regions.length ? regions.map((one, at) => (at === into ? [...one, part] : one)) : [...regions, [part]];

/** Where the last part of a region stands. */
export const lastOf = (regions: Regions, region: number): Place => {
  const at = Math.min(region, regions.length - 1);
  return { region: at, part: (regions[at]?.length ?? 1) - 1 };
};

const without = (range: Range, { start, end }: Range): readonly Range[] =>
  [
    { start: range.start, end: Math.min(range.end, start) },
    { start: Math.max(range.start, end), end: range.end },
  ].filter((one) => one.start < one.end);

/** Ranges that touch become one. */
function joined(parts: Region): Region {
  const ranges: Range[] = [];
  for (const one of parts.filter(isRange).sort((a, b) => a.start - b.start)) {
    const before = ranges.at(-1);
    if (before && before.end >= one.start) {
      ranges[ranges.length - 1] = { start: before.start, end: Math.max(before.end, one.end) };
    } else ranges.push(one);
  }
  return [...parts.filter((part) => !isRange(part)), ...ranges];
}

/** The tokens of the range are of no region. */
export const withoutTokens = (regions: Regions, range: Range): Regions =>
  cut(regions, range).filter(({ length }) => length > 0);

const cut = (regions: Regions, range: Range): Regions =>
  regions.map((parts) => parts.flatMap((part): Region => (isRange(part) ? without(part, range) : [part])));

/** The tokens of the range are of the region `into` and of no other. */
export function withTokens(regions: Regions, into: number, range: Range): Regions {
  const added = withAdded(cut(regions, range), into, range);
  return added.map((parts, at) => (at === Math.min(into, added.length - 1) ? joined(parts) : parts)).filter(hasParts);
}

const hasParts = ({ length }: Region): boolean => length > 0;

/** The region of a token, -1 for none; patches are not looked at. */
export const ownerOf = (regions: Regions, token: number): number =>
  regions.findIndex((parts) => parts.some((part) => isRange(part) && token >= part.start && token < part.end));

const meet = (a: Range, b: Range): boolean => a.start < b.end && b.start < a.end;
const partsMeet = (a: RegionPart, b: RegionPart): boolean => {
  if (a === 'image' || b === 'image') return a === b || isBox(a) || isBox(b);
  if (isBox(a) && isBox(b)) return meet(a.rows, b.rows) && meet(a.columns, b.columns);
  return !isBox(a) && !isBox(b) && meet(a, b);
};

/** Two regions that share something, by their letters. */
export function sharing(regions: Regions): readonly [string, string] | undefined {
  for (const [at, one] of regions.entries()) {
    const other = regions.findIndex((each, to) => to > at && each.some((a) => one.some((b) => partsMeet(a, b))));
    if (other >= 0) return [regionLetter(at), regionLetter(other)];
  }
  return undefined;
}

/** A rectangle of about a third of each side where none is yet; the first place where all is taken. */
export function freeBox(regions: Regions, { rows, columns }: Grid): Box {
  const side = (length: number): number => Math.max(1, Math.round(length / 3));
  const [height, width] = [side(rows), side(columns)];
  const boxes = regions.flat().filter(isBox);
  const at = (row: number, column: number): Box => ({
    rows: { start: row, end: row + height },
    columns: { start: column, end: column + width },
  });
  for (let row = 0; row + height <= rows; row++) {
    for (let column = 0; column + width <= columns; column++) {
      const box = at(row, column);
      if (!boxes.some((each) => partsMeet(each, box))) return box;
    }
  }
  return at(0, 0);
}

/** As it is read: `Region A: rows 0 to 3, columns 2 to 5`. */
export function boxWords(region: number, { rows, columns }: Box): string {
  const words = (one: Range, name: string): string =>
    one.end - one.start === 1 ? `${name} ${one.start}` : `${name}s ${rangeText(one).replace('-', ' to ')}`;
  return `Region ${regionLetter(region)}: ${words(rows, 'row')}, ${words(columns, 'column')}`;
}

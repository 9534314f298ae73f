/**
 * Attention between patches as one picture of a few cells. Of attention A over patches, its leading rows and columns left out: rows
 * are divided by their sums, g x g patches are joined to at most 8 x 8 cells (queries of a cell averaged, keys added up, so that rows
 * still sum to 1), and each number becomes sqrt(A N) with N cells: uniform attention is 1 everywhere, and a few bright cells do not
 * outweigh the rest.
 */
import type { Grid } from './hops';

const mostCells = 8;

export interface Cells extends Grid {
  /** The group of each patch. */
  readonly of: readonly number[];
  /** N */
  readonly count: number;
}

export function cellsOf({ rows, columns }: Grid): Cells {
  const [down, across] = [Math.min(rows, mostCells), Math.min(columns, mostCells)];
  const of = Array.from({ length: rows * columns }, (_, patch) => {
    const [row, column] = [Math.floor(patch / columns), patch % columns];
    return Math.floor((row * down) / rows) * across + Math.floor((column * across) / columns);
  });
  return { rows: down, columns: across, of, count: down * across };
}

/** `map`: [L + n, L + n]. [N, N], row-major. */
export function patternOf(map: ArrayLike<number>, leading: number, { of, count }: Cells): Float32Array {
  const n = of.length;
  const width = leading + n;
  const sums = new Float64Array(count * count);
  const members = new Array<number>(count).fill(0);
  for (const cell of of) members[cell]! += 1;
  for (let i = 0; i < n; i++) {
    const row = (leading + i) * width + leading;
    let all = 0;
    for (let j = 0; j < n; j++) all += map[row + j] ?? 0;
    // A query that reads no patch reads none more than another.
    for (let j = 0; j < n; j++) {
      sums[of[i]! * count + of[j]!]! += (all > 0 ? (map[row + j] ?? 0) / all : 1 / n) / members[of[i]!]!;
    }
  }
  return Float32Array.from(sums, (value) => Math.sqrt(value * count));
}

/** The attention that a pattern (or what a decoder made of one) stands for: squares, rows divided by their sums. */
export function attentionOf(pattern: ArrayLike<number>, count: number): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const row = Array.from({ length: count }, (__, j) => Math.max(0, pattern[i * count + j] ?? 0) ** 2);
    const all = row.reduce((sum, value) => sum + value, 0);
    return row.map((value) => (all > 0 ? value / all : 1 / count));
  });
}

export interface Anchor {
  readonly name: string;
  readonly pattern: Float32Array;
}

/** Patterns made by hand, for comparison. Shifts stay at the border; stripes and neighbourhoods are even. */
export function anchorsOn({ rows, columns, count }: Pick<Cells, 'rows' | 'columns' | 'count'>): readonly Anchor[] {
  const at = (r: number, c: number): number =>
    Math.max(0, Math.min(rows - 1, r)) * columns + Math.max(0, Math.min(columns - 1, c));
  const anchor = (name: string, keys: (r: number, c: number) => readonly number[]): Anchor => {
    const pattern = new Float32Array(count * count);
    for (let i = 0; i < count; i++) {
      const read = keys(Math.floor(i / columns), i % columns);
      for (const key of read) pattern[i * count + key]! += 1 / read.length;
    }
    return { name, pattern: pattern.map((value) => Math.sqrt(value * count)) };
  };
  const all = Array.from({ length: count }, (_, cell) => cell);
  const near = (hops: number) => (r: number, c: number) =>
    all.filter((cell) => Math.max(Math.abs(Math.floor(cell / columns) - r), Math.abs((cell % columns) - c)) <= hops);
  return [
    anchor('itself', (r, c) => [at(r, c)]),
    anchor('one up', (r, c) => [at(r - 1, c)]),
    anchor('one down', (r, c) => [at(r + 1, c)]),
    anchor('one left', (r, c) => [at(r, c - 1)]),
    anchor('one right', (r, c) => [at(r, c + 1)]),
    anchor('its row', (r) => all.filter((cell) => Math.floor(cell / columns) === r)),
    anchor('its column', (_, c) => all.filter((cell) => cell % columns === c)),
    anchor('within 1', near(1)),
    anchor('everything', () => all),
    anchor('the middle', () => [at(rows >> 1, columns >> 1)]),
  ];
}

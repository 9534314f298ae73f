/**
 * One head as a matrix, query by key, in tiles that come as they are looked at. Above it the mean mass of each key over all
 * queries, to the right the entropy of each query, divided by ln T.
 */
import type { MatrixSection } from '../../../protocol/sections/matrix';
import { headName } from '../../ui/head-names';
import { count, significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { quotedToken } from '../../../protocol/wire/token-name';
import { parseColour } from '../../charts/colour-map';
import { levelFor, tileSide, tilesIn, topLevel, type LoadedTile, type TileAddress } from '../../charts/tiles';
import { domainOf, type Domain } from '../colours';
import type { GridPlace } from '../grid-keys';
import type { CellWords, Picture } from '../picture';
import type { Mark } from '../scene';
import { stackTitles } from '../stacks';
import { keysOf, type HeadSource } from './head-source';
import { cellBox, matrixPicture } from './matrix-picture';
import type { MatrixWindow } from './matrix-place';
import { colourTile, largestOf } from './tile-colours';

export interface HeadLook {
  readonly logarithmic: boolean;
  /** Key 0, or the texel that holds it, is left out of the picture and of its colours. */
  readonly hideFirst: boolean;
  /** Queries whose rows are framed. */
  readonly queries: readonly number[];
}

export function headPicture(section: MatrixSection, source: HeadSource | undefined, look: HeadLook): Picture {
  const { tokens, of, causal } = section;
  const keys = keysOf(section);
  const { hideFirst } = look;
  let domain: { readonly of: LoadedTile | undefined; readonly domain: Domain } | undefined;
  const domainNow = (): Domain => {
    const tile = source?.coarsest();
    if (!domain || domain.of !== tile) {
      const max = tile ? largestOf(tile, hideFirst) : 1;
      const scale = { kind: 'sequential', min: 0, max } as const;
      domain = { of: tile, domain: domainOf(look.logarithmic ? { ...scale, curve: 'log' } : scale, []) };
    }
    return domain.domain;
  };
  const coarse = 2 ** topLevel({ rows: tokens.length, columns: keys.length });
  const picture = matrixPicture({
    title: `${stackTitles[section.stack ?? 'decoder'].attention} of ${headName(of.layer, of.head)}`,
    unit: '',
    rows: { title: section.keys ? 'target' : 'query', labels: tokens },
    columns: { title: section.keys ? 'source' : 'key', labels: keys },
    down: tokens.length,
    across: keys.length,
    columnsOf: (row) => (causal ? row + 1 : keys.length),
    mostCell: 48,
    domain: domainNow,
    cells: (window, theme) => (source ? tileMarks(source, window, domainNow(), look, theme) : []),
    marginals: () => marginalsOf(section, source, hideFirst),
    chosenRows: look.queries,
    notes: ['probability', ...(hideFirst ? ['key 0 hidden'] : [])],
    words: (at) => cellWords(section, source, at),
    first: () => ({ row: look.queries.at(-1) ?? tokens.length - 1, column: 0 }),
    ...(source ? { onChange: (listener: () => void) => source.onChange(listener) } : {}),
    want: ({ row, column }) => source?.wantExact(row, column),
  });
  return coarse === 1 || !source ? picture : { ...picture, label: `${picture.label} ${count(coarse)} cells a texel.` };
}

/** One cell in words: the query, the key and what of its probability is known. */
export function cellWords(
  section: MatrixSection,
  source: HeadSource | undefined,
  { row: query, column: key }: GridPlace,
): CellWords {
  const { tokens, causal } = section;
  const [from, to] = section.keys ? ['target', 'source'] : ['query', 'key'];
  const pair = `${from} ${count(query)} ${quotedToken(tokens[query] ?? '')} → ${to} ${count(key)} ${quotedToken(keysOf(section)[key] ?? '')}`;
  if (causal && key > query) return { title: pair, value: 'not read: the key stands behind the query' };
  const found = source?.lookUp(query, key);
  if (!found) return { title: pair, value: 'not computed yet' };
  return {
    title: pair,
    value:
      found.block === 1
        ? significant(found.value)
        : `at most ${significant(found.value)} (largest of ${found.block} x ${found.block} cells; zoom in for the exact value)`,
  };
}

function tileMarks(source: HeadSource, window: MatrixWindow, domain: Domain, look: HeadLook, theme: Theme): Mark[] {
  const { size, causal, store } = source;
  const ratio = globalThis.window?.devicePixelRatio || 1;
  const level = levelFor(window.cellWidth * ratio, size);
  const top = topLevel(size);
  const wanted = tilesIn(level, [...window.rows, ...window.columns], size, causal);
  // The coarsest tile first: it is the whole picture at once, and its largest value ends the scale.
  store.want([{ level: top, row: 0, column: 0 }, ...wanted]);
  const marks = wanted.flatMap((address) => tileMark(source, address, top, window, domain, look, theme) ?? []);
  return causal ? [...marks, behind(window, theme)] : marks;
}

/** The tile, or its part of the finest one above it that has come. */
function tileMark(
  { store, size: { rows, columns } }: HeadSource,
  address: TileAddress,
  top: number,
  window: MatrixWindow,
  domain: Domain,
  look: HeadLook,
  theme: Theme,
): Mark | undefined {
  const span = tileSide * 2 ** address.level;
  for (let level = address.level; level <= top; level += 1) {
    const up = 2 ** (level - address.level);
    const found = store.get({ level, row: Math.floor(address.row / up), column: Math.floor(address.column / up) });
    if (!found) continue;
    const texel = 2 ** level;
    const start = cellBox(window, found.address.row * tileSide * texel, found.address.column * tileSide * texel);
    const pixels: Mark = {
      kind: 'pixels',
      x: start.x,
      y: start.y,
      width: found.outColumns * texel * window.cellWidth,
      height: found.outRows * texel * window.cellHeight,
      columns: found.outColumns,
      rows: found.outRows,
      rgba: rasterOfTile(found, domain, look, theme),
    };
    if (level === address.level) return pixels;
    const own = cellBox(window, address.row * span, address.column * span);
    const box = {
      x: own.x,
      y: own.y,
      width: Math.min(span, columns - address.column * span) * window.cellWidth,
      height: Math.min(span, rows - address.row * span) * window.cellHeight,
    };
    return { kind: 'clipped', box, marks: [pixels] };
  }
  return undefined;
}

const rasters = new WeakMap<LoadedTile, { readonly look: string; readonly rgba: Uint8ClampedArray<ArrayBuffer> }>();

function rasterOfTile(
  tile: LoadedTile,
  { high, curve }: Domain,
  { hideFirst }: HeadLook,
  { background }: Theme,
): Uint8ClampedArray<ArrayBuffer> {
  const look = `${curve ?? ''}/${hideFirst}/${high}/${background}`;
  const known = rasters.get(tile);
  if (known?.look === look) return known.rgba;
  const rgba = new Uint8ClampedArray(tile.data.length * 4);
  colourTile(tile, { logarithmic: curve === 'log', hideSink: hideFirst, high, ground: parseColour(background) }, rgba);
  rasters.set(tile, { look, rgba });
  return rgba;
}

/** Keys behind the query: not computed, so not drawn as if they were zero. */
function behind({ plot, place, cellWidth, cellHeight, rows }: MatrixWindow, theme: Theme): Mark {
  const x = (column: number): number => Math.round((plot.x + (column - place.column) * cellWidth) * 100) / 100;
  const y = (row: number): number => Math.round((plot.y + (row - place.row) * cellHeight) * 100) / 100;
  const [first, last] = [rows[0], rows[1]];
  const points: (readonly [number, number])[] = [[x(first + 1), plot.y]];
  if (cellWidth >= 2) {
    for (let row = first; row <= last; row += 1) points.push([x(row + 1), y(row)], [x(row + 1), y(row + 1)]);
  } else points.push([x(first + 1), y(first)], [x(last + 1), y(last)]);
  const end = plot.x + plot.width + 2;
  points.push([Math.max(x(last + 1), end), y(last + 1)], [end, plot.y]);
  return {
    kind: 'path',
    d: `${points.map(([px, py], at) => `${at === 0 ? 'M' : 'L'}${px} ${py}`).join('')}Z`,
    fill: theme.background,
  };
}

/** Shares of the room for the bars. */
function marginalsOf({ blocks }: MatrixSection, source: HeadSource | undefined, hideFirst: boolean) {
  const tile = source?.whole();
  const keys = tile ? columnMeans(tile) : blocks;
  const most = Math.max(1e-9, ...(keys ?? []).slice(hideFirst ? 1 : 0));
  return {
    above: keys?.map((mean, at) => (hideFirst && at === 0 ? 0 : mean / most)),
    right: tile && entropies(tile),
  };
}

const means = new WeakMap<LoadedTile, readonly number[]>();

/** Mean over all queries of the mass on each key. */
function columnMeans(tile: LoadedTile): readonly number[] {
  const known = means.get(tile);
  if (known) return known;
  const { data, outRows, outColumns } = tile;
  const sums = new Array<number>(outColumns).fill(0);
  for (let at = 0; at < data.length; at += 1) {
    const column = at % outColumns;
    sums[column] = (sums[column] ?? 0) + (data[at] ?? 0) / outRows;
  }
  means.set(tile, sums);
  return sums;
}

const spreads = new WeakMap<LoadedTile, readonly number[]>();

/** Entropy of each query over ln of the number of keys, 0 to 1. */
function entropies(tile: LoadedTile): readonly number[] {
  const known = spreads.get(tile);
  if (known) return known;
  const { data, outRows, outColumns } = tile;
  const most = Math.max(1e-9, Math.log(outColumns));
  const made = Array.from({ length: outRows }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < outColumns; column += 1) {
      const p = data[row * outColumns + column] ?? 0;
      if (p > 0) sum -= p * Math.log(p);
    }
    return sum / most;
  });
  spreads.set(tile, made);
  return made;
}

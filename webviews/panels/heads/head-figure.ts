/** The selected head as part of a file: its matrix as an image, axes, scale and numbers as text. */
import { cividis, css, parseColour } from '../../charts/colour-map';
import { escapeXml, wrap } from '../../charts/image';
import { margin, type Sheet } from '../../charts/sheet';
import { topLevel, type LoadedTile } from '../../charts/tiles';
import { headKey, headName } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import { count, significant } from '../../ui/numbers';
import { shownToken } from '../../../protocol/wire/token-name';
import type { Theme } from '../../ui/theme';
import { labelInfo, labelsByHead } from './labels';
import { colourTile, largestOf } from './matrix-colours';
import type { State } from './state';
import { statisticInfos, valueOf } from './statistics';
import type { TileSource } from './tile-source';

export interface ShownHead extends HeadPlace {
  /** The whole head, [out rows][out columns]: the largest probability of each block of `block` x `block` cells. */
  readonly tile: LoadedTile;
  readonly block: number;
  readonly causal: boolean;
  readonly length: number;
}

/** The head on screen; undefined before its picture has come. */
export function shownHead({ selected }: State, source: TileSource | undefined): ShownHead | undefined {
  if (!selected || !source) return undefined;
  const level = topLevel(source.length);
  const tile = source.store.get({ level, row: 0, column: 0 });
  return tile && { ...selected, tile, block: 2 ** level, causal: source.causal, length: source.length };
}

/** Room for the words of the queries. */
const left = 112;
/** Room for the words of the keys, which stand at an angle. */
const above = 78;
/** Longest word of an axis, in characters. */
const longestWord = 12;

/** A short prompt gets a side on which each of its tokens can be named. */
const sideOf = (length: number, width: number): number =>
  Math.min(width - left - 40, Math.max(320, Math.min(520, length * 13)));

/**
 * Tokens along both axes, as many as stand apart; where not every token is named, its position stands before it. Pure.
 */
function axisLabels(
  tokens: readonly string[],
  length: number,
  size: number,
  { x0, top, side }: { readonly x0: number; readonly top: number; readonly side: number },
  theme: Theme,
): readonly string[] {
  const step = Math.max(1, Math.ceil((length * (size + 2)) / side));
  const word = (position: number): string => {
    const token = shownToken(tokens[position] ?? '');
    const cut = token.length > longestWord ? `${token.slice(0, longestWord - 1)}…` : token;
    return step === 1 ? cut : `${count(position)} ${cut}`;
  };
  const text = (x: number, y: number, words: string, attributes: string): string =>
    `<text x="${x}" y="${y}" font-size="${size}" font-family="monospace" fill="${theme.muted}" ${attributes}>${escapeXml(words)}</text>`;
  const labels: string[] = [];
  for (let position = 0; position < length; position += step) {
    const middle = ((position + 0.5) * side) / length;
    const [x, y] = [Math.round(x0 + middle + size / 3), top - 6];
    labels.push(
      text(x, y, word(position), `transform="rotate(-50 ${x} ${y})"`),
      text(x0 - 6, Math.round(top + middle + size / 3), word(position), 'text-anchor="end"'),
    );
  }
  return labels;
}

export function drawHead(sheet: Sheet, state: State, head: ShownHead): void {
  const { view, result } = state;
  const { theme, inner, y } = sheet;
  const size = theme.fontSize;
  const name = headName(head.layer, head.head);
  const text = (x: number, at: number, words: string, attributes = ''): void =>
    sheet.text(x, at, words, `font-size="${size - 2}" fill="${theme.muted}" ${attributes}`);
  const own = labelsByHead(result?.classes ?? []).get(headKey(head.layer, head.head)) ?? [];
  const labels = own.map(({ label, score }) => `${labelInfo(label).title} ${significant(score, 2)}`).join(', ');
  sheet.text(
    margin,
    y + 12 + size,
    labels ? `${name}: ${labels}` : name,
    `font-size="${size}" font-weight="600" fill="${theme.foreground}"`,
  );
  const side = sideOf(head.length, inner);
  const top = y + size + above + 24;
  const x0 = margin + left;
  text(margin, top - 22, 'key →');
  text(margin + 10, top, '← query', `text-anchor="end" transform="rotate(-90 ${margin + 10} ${top})"`);
  sheet.parts.push(
    `<image x="${x0}" y="${top}" width="${side}" height="${side}" style="image-rendering: pixelated" preserveAspectRatio="none" href="${matrixImage(state, head, theme)}"/>`,
    `<rect x="${x0}" y="${top}" width="${side}" height="${side}" fill="none" stroke="${theme.line}"/>`,
    ...axisLabels(result?.tokens ?? [], head.length, size - 3, { x0, top, side }, theme),
  );
  const numbers = statisticInfos.map(({ id, title, unit }) => {
    const value = result ? valueOf(result.statistics, id, head.layer, head.head) : Number.NaN;
    return `${title} ${significant(value)}${unit ? ` ${unit}` : ''}`;
  });
  const beside = inner - left - side - 24;
  const column = beside >= 150 ? { x: x0 + side + 24, y: top } : { x: margin, y: top + side + 34 };
  const lines =
    beside >= 150
      ? numbers.flatMap((line) => wrap(line, beside, size - 2, theme))
      : wrap(numbers.join(' · '), inner, size - 2, theme);
  lines.forEach((line, index) => text(column.x, column.y + (index + 1) * (size + 3), line));
  const high = largestOf(head.tile, view.hideSink);
  const low = view.scale === 'log' ? high / 1000 : 0;
  const bar = top + side + 10;
  const lowWords = `probability${view.scale === 'log' ? ', log' : ''} ${significant(low, 2)}`;
  const start = x0 + lowWords.length * (size - 2) * 0.56 + 8;
  text(x0, bar + 9, lowWords);
  for (let stop = 0; stop < 16; stop += 1)
    sheet.parts.push(
      `<rect x="${start + stop * 6}" y="${bar}" width="6.5" height="10" fill="${css(cividis(stop / 15))}"/>`,
    );
  const notes = [
    ...(head.block > 1 ? [`largest of ${head.block} x ${head.block} cells`] : []),
    ...(view.hideSink ? ['key 0 hidden'] : []),
  ];
  text(start + 104, bar + 9, [significant(high, 2), ...notes].join(', '));
  const below = column.x === margin ? column.y + lines.length * (size + 3) : 0;
  sheet.y = Math.max(bar + 18, below, top + lines.length * (size + 3)) + 8;
}

/** The matrix as a PNG in a data URI, one pixel a cell; keys that no query of the row reads are left blank. */
function matrixImage({ view }: State, { tile, causal }: ShownHead, theme: Theme): string {
  const canvas = document.createElement('canvas');
  canvas.width = tile.outColumns;
  canvas.height = tile.outRows;
  const context = canvas.getContext('2d');
  if (!context) return '';
  const image = context.createImageData(tile.outColumns, tile.outRows);
  const ground = parseColour(theme.background);
  const { hideSink } = view;
  const look = { logarithmic: view.scale === 'log', hideSink, high: largestOf(tile, hideSink), ground };
  colourTile(tile, look, image.data);
  if (causal) {
    for (let row = 0; row < tile.outRows; row += 1) {
      for (let column = row + 1; column < tile.outColumns; column += 1)
        image.data.set([ground[0], ground[1], ground[2], 255], (row * tile.outColumns + column) * 4);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL('image/png');
}

/** The selected head as part of a file: its matrix as an image, axes, scale and numbers as text. */
import { cividis, css, parseColour } from '../../charts/colour-map';
import { escapeXml, wrap } from '../../charts/image';
import { topLevel, type LoadedTile } from '../../charts/tiles';
import { headKey, headName, type HeadPlace } from '../../ui/head-names';
import { count, significant } from '../../ui/numbers';
import { shownToken } from '../../ui/token-text';
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
export function axisLabels(
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

export function headFigure(
  state: State,
  head: ShownHead,
  theme: Theme,
  at: { readonly x: number; readonly y: number; readonly width: number },
): { readonly svg: string; readonly bottom: number } {
  const { view, result } = state;
  const size = theme.fontSize;
  const name = headName(head.layer, head.head);
  const text = (x: number, y: number, words: string, attributes = ''): string =>
    `<text x="${x}" y="${y}" font-size="${size - 2}" fill="${theme.muted}" ${attributes}>${escapeXml(words)}</text>`;
  const own = labelsByHead(result?.classes ?? []).get(headKey(head.layer, head.head)) ?? [];
  const labels = own.map(({ label, score }) => `${labelInfo(label).title} ${significant(score, 2)}`).join(', ');
  const parts = [
    `<text x="${at.x}" y="${at.y + size}" font-size="${size}" font-weight="600" fill="${theme.foreground}">${escapeXml(labels ? `${name}: ${labels}` : name)}</text>`,
  ];
  const side = sideOf(head.length, at.width);
  const top = at.y + size + above + 12;
  const x0 = at.x + left;
  parts.push(
    text(at.x, top - 22, 'key →'),
    text(at.x + 10, top, '← query', `text-anchor="end" transform="rotate(-90 ${at.x + 10} ${top})"`),
    `<image x="${x0}" y="${top}" width="${side}" height="${side}" style="image-rendering: pixelated" preserveAspectRatio="none" href="${matrixImage(state, head, theme)}"/>`,
    `<rect x="${x0}" y="${top}" width="${side}" height="${side}" fill="none" stroke="${theme.line}"/>`,
  );
  parts.push(...axisLabels(result?.tokens ?? [], head.length, size - 3, { x0, top, side }, theme));
  const numbers = statisticInfos.map(({ id, title, unit }) => {
    const value = result ? valueOf(result.statistics, id, head.layer, head.head) : Number.NaN;
    return `${title} ${significant(value)}${unit ? ` ${unit}` : ''}`;
  });
  const beside = at.width - left - side - 24;
  const column = beside >= 150 ? { x: x0 + side + 24, y: top } : { x: at.x, y: top + side + 34 };
  const lines =
    beside >= 150
      ? numbers.flatMap((line) => wrap(line, beside, size - 2, theme))
      : wrap(numbers.join(' · '), at.width, size - 2, theme);
  lines.forEach((line, index) => parts.push(text(column.x, column.y + (index + 1) * (size + 3), line)));
  const high = largestOf(head.tile, view.hideSink);
  const low = view.scale === 'log' ? high / 1000 : 0;
  const bar = top + side + 10;
  const lowWords = `probability${view.scale === 'log' ? ', log' : ''} ${significant(low, 2)}`;
  const start = x0 + lowWords.length * (size - 2) * 0.56 + 8;
  parts.push(text(x0, bar + 9, lowWords));
  for (let stop = 0; stop < 16; stop += 1)
    parts.push(`<rect x="${start + stop * 6}" y="${bar}" width="6.5" height="10" fill="${css(cividis(stop / 15))}"/>`);
  const notes = [
    ...(head.block > 1 ? [`largest of ${head.block} x ${head.block} cells`] : []),
    ...(view.hideSink ? ['key 0 hidden'] : []),
  ];
  parts.push(text(start + 104, bar + 9, [significant(high, 2), ...notes].join(', ')));
  const below = column.x === at.x ? column.y + lines.length * (size + 3) : 0;
  return { svg: parts.join('\n'), bottom: Math.max(bar + 18, below, top + lines.length * (size + 3)) };
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

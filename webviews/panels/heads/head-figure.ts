/** The selected head as part of a file: its matrix as an image, axes, scale and numbers as text. */
import { wrap } from '../../charts/image';
import { margin, type Sheet } from '../../charts/sheet';
import { topLevel, type LoadedTile } from '../../charts/tiles';
import { sourceOf } from '../../sections/matrix/head-source';
import { headScene } from '../../sections/matrix/matrix';
import { moved } from '../../sections/scene';
import { sceneSvg } from '../../sections/scene-svg';
import { headKey, headName } from '../../ui/head-names';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { significant } from '../../ui/numbers';
import { attentionOf, attentionView } from './attention';
import { labelInfo, labelsByHead } from './labels';
import type { State } from './state';
import { statisticInfos, valueOf } from './statistics';

export interface ShownHead extends HeadPlace {
  /** The whole head, [out rows][out columns]: the largest probability of each block of `block` x `block` cells. */
  readonly tile: LoadedTile;
  readonly block: number;
  readonly causal: boolean;
  readonly length: number;
}

/** The head on screen; undefined before its picture has come. */
export function shownHead(state: State): ShownHead | undefined {
  const section = attentionOf(state);
  const source = section && sourceOf(section);
  const tile = source?.coarsest();
  if (!section || !source || !tile) return undefined;
  return { ...section.of, tile, block: 2 ** topLevel(source.length), causal: source.causal, length: source.length };
}

export function drawHead(sheet: Sheet, state: State, head: ShownHead): void {
  const { result } = state;
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
  const top = y + size + 24;
  const wide = Math.min(inner, 620);
  const section = attentionOf(state);
  if (!section) return;
  const picture = headScene(section, attentionView(state)).draw(wide, theme);
  sheet.parts.push(sceneSvg({ ...picture, marks: picture.marks.map((mark) => moved(mark, margin, top)) }, 'head'));
  const numbers = statisticInfos.map(({ id, title, unit }) => {
    const value = result ? valueOf(result.statistics, id, head.layer, head.head) : Number.NaN;
    return `${title} ${significant(value)}${unit ? ` ${unit}` : ''}`;
  });
  const beside = inner - wide - 24;
  const column = beside >= 150 ? { x: margin + wide + 24, y: top } : { x: margin, y: top + picture.height + 12 };
  const lines =
    beside >= 150
      ? numbers.flatMap((line) => wrap(line, beside, size - 2, theme))
      : wrap(numbers.join(' · '), inner, size - 2, theme);
  lines.forEach((line, index) => text(column.x, column.y + (index + 1) * (size + 3), line));
  if (head.block > 1) text(margin, top + picture.height + 4, `Largest of ${head.block} x ${head.block} cells.`);
  const below = column.y + lines.length * (size + 3);
  sheet.y = Math.max(top + picture.height + (head.block > 1 ? 8 : 0), below) + 8;
}

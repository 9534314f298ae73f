/**
 * A text as a ribbon: each token on the colour of its number, with the shape of its class over it. One token or several are
 * chosen; of a long text a window is drawn.
 */
import type { TokensSection } from '../../../protocol/sections/tokens';
import { css, inkOn, type Rgb } from '../../charts/colour-map';
import { colourOf, identitiesOf, shapes, type Identity } from '../../charts/palette';
import { textWidth } from '../../charts/text-width';
import { count } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { shownToken } from '../../../protocol/wire/token-name';
import { colourAt, domainOf } from '../colours';
import { classItem, fitted, flow, noValueItem, scaleItem, textMark, wordsItem } from '../legend';
import type { Drawn, Picture } from '../picture';
import { between } from '../grid-keys';
import { moved, type Box, type Mark } from '../scene';
import { shortened, valueWords } from '../words';

export type TokenNumber = TokensSection['numbers'][number];

/** More would make a canvas that no browser draws; the table holds all. */
const mostTokens = 3000;

/** First token and the one behind the last, where `size` of them are drawn and `around` is among them. */
export function windowOf(length: number, around: number, size = mostTokens): readonly [number, number] {
  if (length <= size) return [0, length];
  const start = Math.max(0, Math.min(length - size, around - Math.floor(size / 2)));
  return [start, start + size];
}

/** `from` and `to`: the tokens that are drawn. */
export function tokensPicture(
  section: TokensSection,
  number: TokenNumber | undefined,
  from = 0,
  to = Math.min(section.tokens.length, mostTokens),
): Picture {
  const { tokens, tokenIds } = section;
  const identities = identitiesOf(section.classes?.names ?? []);
  let last: readonly Box[] = [];
  return {
    label: `${section.title}: ${count(tokens.length)} tokens${number ? `, ${number.title}` : ''}. Arrow keys walk, Enter asks, Escape leaves.`,
    draw: (width, theme) => {
      const made = drawTokens(section, number, identities, [from, to], width, theme);
      last = made.boxes;
      return made;
    },
    first: () => (to > from ? String(from) : undefined),
    move: (cursor, key) => {
      const at = Number(cursor);
      // At the ends of the window the next token moves it.
      const beside = { ArrowLeft: at - 1, ArrowRight: at + 1 }[key];
      if (beside !== undefined) return String(Math.max(0, Math.min(tokens.length - 1, beside)));
      const moved = moveInRibbon(last, at - from, key, to - from);
      return moved === undefined ? undefined : String(Number(moved) + from);
    },
    between: (one, other) => between(Number(one), Number(other)),
    tokens: { tokens, of: Number, at: String },
    words: (cursor) => {
      const at = Number(cursor);
      const token = tokens[at];
      if (token === undefined) return undefined;
      const value = number?.values[at];
      const named = identities[section.classes?.of[at] ?? -1];
      const said = [
        ...(number && value !== undefined
          ? [`${number.title} ${valueWords(value, number.unit, number.scale.kind === 'diverging')}`]
          : []),
        ...(named ? [named.title] : []),
      ];
      return {
        title: `token ${at}, ${shortened(shownToken(token), 60)}${tokenIds ? ` · id ${tokenIds[at] ?? ''}` : ''}`,
        value: said.join(', '),
        ...(number ? { definition: number.definition } : {}),
      };
    },
  };
}

/** Left and right go to the next token, up and down to the nearest one of the next line. */
export function moveInRibbon(boxes: readonly Box[], at: number, key: string, length: number): string | undefined {
  const clamp = (to: number): string => String(Math.min(length - 1, Math.max(0, to)));
  const here = boxes[at];
  const sameLine = (box: Box): boolean => box.y === here?.y;
  const toLine = (further: (box: Box) => boolean, nearest: (a: number, b: number) => boolean): string => {
    let line: number | undefined;
    for (const box of boxes) if (further(box) && (line === undefined || nearest(box.y, line))) line = box.y;
    if (!here || line === undefined) return clamp(at);
    const middle = here.x + here.width / 2;
    let best = at;
    let distance = Infinity;
    boxes.forEach((box, index) => {
      const away = Math.abs(box.x + box.width / 2 - middle);
      if (box.y === line && away < distance) [best, distance] = [index, away];
    });
    return clamp(best);
  };
  switch (key) {
    case 'ArrowLeft':
      return clamp(at - 1);
    case 'ArrowRight':
      return clamp(at + 1);
    case 'Home':
      return clamp(boxes.findIndex(sameLine));
    case 'End':
      return clamp(boxes.findLastIndex(sameLine));
    case 'ArrowUp':
      return toLine(
        (box) => box.y < (here?.y ?? 0),
        (a, b) => a > b,
      );
    case 'ArrowDown':
      return toLine(
        (box) => box.y > (here?.y ?? 0),
        (a, b) => a < b,
      );
    case 'PageUp':
      return clamp(at - 50);
    case 'PageDown':
      return clamp(at + 50);
    default:
      return undefined;
  }
}

/** What stands behind the last token of a word of a class: the next token is of another class, or begins another word. */
function signBehind({ tokens, classes }: TokensSection, at: number): string | undefined {
  const sign = classes?.marks?.[classes.of[at] ?? -1];
  return classes?.of[at + 1] !== classes?.of[at] || /^\s/.test(tokens[at + 1] ?? '') ? sign : undefined;
}

function drawTokens(
  section: TokensSection,
  number: TokenNumber | undefined,
  names: readonly Identity[],
  [from, to]: readonly [number, number],
  width: number,
  theme: Theme,
): Drawn & { readonly boxes: readonly Box[] } {
  const size = theme.fontSize;
  const signs = section.classes?.marks;
  const classRoom = names.length > 0 && !signs ? 9 : 0;
  const lineHeight = size + 10 + classRoom;
  const domain = number && domainOf(number.scale, number.values);
  const marks: Mark[] = [];
  const boxes: Box[] = [];
  let [x, y, missing] = [0, 0, false];
  for (let at = from; at < to; at += 1) {
    const token = section.tokens[at] ?? '';
    const text = fitted(shownToken(token), width - 8, size, theme.editorFont);
    const wide = Math.max(8, textWidth(text, size, { font: theme.editorFont }) + 4);
    const sign = signBehind(section, at);
    const signWide = sign === undefined ? 0 : textWidth(sign, size, { font: theme.font, weight: 700 }) + 4;
    if (x > 0 && x + wide + signWide > width) [x, y] = [0, y + lineHeight];
    const box = { x, y: y + classRoom, width: wide, height: size + 7 };
    boxes.push({ ...box, y, height: size + 7 + classRoom });
    const value = number?.values[at] ?? Number.NaN;
    const colour: Rgb | undefined = domain && colourAt(value, domain, theme.dark);
    missing ||= number !== undefined && colour === undefined;
    if (colour) marks.push({ kind: 'rect', ...box, fill: css(colour) });
    else marks.push({ kind: 'rect', ...box, x: box.x + 0.5, width: box.width - 1, stroke: theme.line, lineWidth: 1 });
    marks.push(
      textMark(text, x + 2, box.y + size, theme, {
        size,
        font: theme.editorFont,
        fill: colour ? inkOn(colour) : theme.foreground,
      }),
    );
    const identity = names[section.classes?.of[at] ?? -1];
    if (identity) {
      const fill = colourOf(identity, theme.dark);
      if (signs) marks.push({ kind: 'rect', x, y: box.y + box.height, width: wide, height: 2, fill });
      else marks.push({ kind: 'path', d: shapes[identity.shape], x: x + wide / 2 - 3.5, y, scale: 7 / 16, fill });
    }
    x += wide + 1;
    if (identity && sign !== undefined) {
      marks.push(
        textMark(sign, x + 1, box.y + size, theme, { size, weight: 700, fill: colourOf(identity, theme.dark) }),
      );
      x += signWide;
    }
    if (token.includes('\n')) [x, y] = [0, y + lineHeight];
  }
  const beyond = section.tokens.length - (to - from);
  const window = `${from === 0 ? `The first ${count(to)}` : `Tokens ${count(from)} to ${count(to - 1)}`} of ${count(section.tokens.length)} tokens.`;
  const legend = flow(
    [
      ...(domain && number ? [scaleItem(domain, number.unit, theme)] : []),
      ...(missing ? [noValueItem(theme)] : []),
      ...names.flatMap((one, at) =>
        signs
          ? section.classes?.of.includes(at)
            ? wordsItem(`${signs[at] ?? ''} ${one.title}`, theme, colourOf(one, theme.dark))
            : []
          : classItem({ shape: one.shape, colour: colourOf(one, theme.dark), label: one.title }, theme),
      ),
      ...(beyond > 0 ? [wordsItem(window, theme)] : []),
    ],
    width,
  );
  const legendTop = y + lineHeight + 6;
  return {
    width,
    height: legendTop + legend.height,
    marks: [...marks, ...legend.marks.map((mark) => moved(mark, 0, legendTop))],
    boxes,
    hit: (px, py) => {
      const at = boxes.findIndex(
        (box) => px >= box.x && px < box.x + box.width + 1 && py >= box.y && py < box.y + box.height,
      );
      return at < 0 ? undefined : String(at + from);
    },
    box: (cursor) => {
      const box = boxes[Number(cursor) - from];
      return box && { ...box, y: box.y + classRoom, height: box.height - classRoom };
    },
  };
}

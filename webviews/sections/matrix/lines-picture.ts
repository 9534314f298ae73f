/**
 * One head as lines, after BertViz (Vig 2019, arXiv:1906.05714): queries on the left, keys on the right, a line for each pair
 * as strong as its probability. The lines of the chosen queries are exact; those of all others are drawn faint where the whole
 * matrix is at hand. A long prompt is moved through.
 */
import type { MatrixSection } from '../../../protocol/sections/matrix';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';
import { headName } from '../../ui/head-names';
import { count, significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { between } from '../grid-keys';
import { fitted, smallSize, textMark } from '../legend';
import type { Drawn, Picture, PicturePlace } from '../picture';
import type { Mark } from '../scene';
import { stackTitles } from '../stacks';
import { keysOf, type HeadSource } from './head-source';

export interface LinesLook {
  readonly queries: readonly number[];
  /** What they read together, [keys]. */
  readonly row: Float32Array | undefined;
  readonly hideFirst: boolean;
}

/** CSS pixels of a token. */
const line = 18;
/** Tokens on screen. */
const most = 24;
/** Pairs fainter than this are not drawn; those of other queries from `others` on. */
const faintest = 0.02;
const others = 0.1;
const headroom = 18;

/** The first token on screen, while the query `around` is to be seen. */
const firstFor = (around: number, length: number): number =>
  Math.max(0, Math.min(length - most, around < most ? 0 : around - Math.floor(most * 0.8)));

export function linesPicture(section: MatrixSection, source: HeadSource | undefined, look: LinesLook): Picture {
  const { tokens, of } = section;
  const keys = keysOf(section);
  const { queries, row } = look;
  const query = queries.at(-1) ?? tokens.length - 1;
  // Keys of cross-attention are other tokens than its queries: the longer list decides what is moved through.
  const length = Math.max(tokens.length, keys.length);
  const [from, to] = section.keys ? ['target', 'source'] : ['query', 'key'];
  const inside = (first: number): number => Math.max(0, Math.min(length - most, first));
  const placed = (first: number): PicturePlace => ({ column: 0, row: inside(first), zoom: 1 });
  const firstOf = (place: PicturePlace | undefined): number => (place ? inside(place.row) : firstFor(query, length));
  return {
    label: `${stackTitles[section.stack ?? 'decoder'].attention} of ${headName(of.layer, of.head)} as lines: ${section.keys ? `the target on the left, the source on the right, ${count(tokens.length)} and ${count(keys.length)} tokens` : `queries on the left, keys on the right, ${count(tokens.length)} tokens`}. Up and down choose another query.`,
    draw: (width, theme, place) => drawLines(section, source, look, Math.floor(firstOf(place)), width, theme),
    ...(length > most
      ? {
          movable: {
            panned: (place: PicturePlace | undefined, _dx: number, dy: number) => placed(firstOf(place) + dy / line),
            showing: (place: PicturePlace | undefined, cursor: string) => {
              const [at, first] = [Number(cursor), firstOf(place)];
              return at >= first && at < first + most ? place : placed(firstFor(at, length));
            },
          },
        }
      : {}),
    between: (one, other) => between(Number(one), Number(other)),
    first: () => String(query),
    move: (cursor, key) => {
      const by: Partial<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 };
      const step = by[key] ?? (key === 'Home' ? -tokens.length : key === 'End' ? tokens.length : undefined);
      return step === undefined ? undefined : String(Math.max(0, Math.min(tokens.length - 1, Number(cursor) + step)));
    },
    words: (cursor) => {
      const key = Number(cursor);
      const token = keys[key];
      if (token === undefined) return undefined;
      const chosen = queries.length > 1 ? `${count(queries.length)} queries` : `${from} ${count(query)}`;
      const weight = row?.[key];
      return {
        title: `${chosen} → ${to} ${count(key)} ${quotedToken(token)}`,
        value: weight === undefined ? 'being read' : significant(weight),
      };
    },
    ...(source ? { onChange: (listener: () => void) => source.onChange(listener) } : {}),
  };
}

function drawLines(
  section: MatrixSection,
  source: HeadSource | undefined,
  { queries, row, hideFirst }: LinesLook,
  first: number,
  width: number,
  theme: Theme,
): Drawn {
  const { tokens } = section;
  const keys = keysOf(section);
  const length = Math.max(tokens.length, keys.length);
  const last = Math.min(length, first + most);
  const side = Math.min(130, Math.floor(width * 0.3));
  const full = Math.min(width, 520);
  const [left, right] = [side, full - side];
  const y = (position: number): number => headroom + (position - first + 0.5) * line;
  const chosen = new Set(queries);
  const marks: Mark[] = [];
  const stroke = (query: number, key: number, opacity: number, lineWidth: number, colour: string): void => {
    const [y0, y1] = [y(query), y(key)];
    const bend = (right - left) * 0.4;
    marks.push({
      kind: 'path',
      d: `M${left} ${y0}C${left + bend} ${y0} ${right - bend} ${y1} ${right} ${y1}`,
      stroke: colour,
      lineWidth,
      opacity: Math.min(1, opacity),
    });
  };
  const whole = source?.whole();
  for (let query = first; whole && query < Math.min(last, tokens.length); query += 1) {
    if (chosen.has(query)) continue;
    for (let key = hideFirst ? 1 : 0; key < whole.outColumns; key += 1) {
      const weight = whole.data[query * whole.outColumns + key] ?? 0;
      if (weight >= others) stroke(query, key, weight * 0.3, 1, theme.muted);
    }
  }
  for (const query of queries) {
    if (query < first || query >= last) continue;
    // With several queries, the lines of each start from its own token and show its own row, not the mean.
    const own = queries.length === 1 ? row : source?.rowsOf(queries)[queries.indexOf(query)];
    own?.forEach((weight, key) => {
      if (weight >= faintest && !(hideFirst && key === 0))
        stroke(query, key, 0.25 + 0.75 * weight, 1 + 3 * weight, theme.focus);
    });
  }
  const size = smallSize(theme);
  for (let at = first; at < last; at += 1) {
    const text = (of: readonly string[]): string => fitted(shownToken(of[at] ?? ''), side - 12, size, theme.editorFont);
    const read = (row?.[at] ?? 0) >= faintest && !(hideFirst && at === 0);
    const common = { font: theme.editorFont };
    const ink = (strong: boolean): string => (strong ? theme.foreground : theme.muted);
    marks.push(
      textMark(text(tokens), left - 8, y(at) + size * 0.36, theme, {
        ...common,
        anchor: 'end',
        fill: ink(chosen.has(at)),
      }),
      textMark(text(keys), right + 8, y(at) + size * 0.36, theme, { ...common, fill: ink(read) }),
    );
    if (chosen.has(at))
      marks.push({ kind: 'rect', x: left - 5, y: y(at) - line / 2 + 1, width: 3, height: line - 2, fill: theme.focus });
  }
  const bottom = headroom + (last - first) * line;
  const window = `Tokens ${count(first)} to ${count(last - 1)} of ${count(length)}: the wheel moves them. `;
  const said = `${length > most ? window : ''}Lines from ${faintest} on; other queries, faint, from ${others} on.`;
  const plot = { x: 0, y: headroom, width, height: bottom - headroom };
  return {
    width,
    height: bottom + 22,
    marks: [
      { kind: 'clipped', box: plot, marks },
      textMark(section.keys ? 'target' : 'queries', left - 8, 11, theme, { anchor: 'end' }),
      textMark(section.keys ? 'source' : 'keys', right + 8, 11, theme),
      textMark(fitted(said, width, size, theme.font), 0, bottom + 16, theme),
    ],
    hit: (x, py) => {
      const at = first + Math.floor((py - headroom) / line);
      return x >= 0 && x <= full && py >= headroom && at < Math.min(last, tokens.length) ? String(at) : undefined;
    },
    box: (cursor) => {
      const at = Number(cursor);
      return at >= first && at < last ? { x: 0, y: y(at) - line / 2, width: full, height: line } : undefined;
    },
    over: (cursor) => {
      const at = Number(cursor);
      if (!(at >= first && at < last)) return [];
      return [
        { kind: 'rect', x: 0, y: y(at) - line / 2, width: full, height: line, stroke: theme.muted, opacity: 0.6 },
      ];
    },
  };
}

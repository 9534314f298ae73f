/**
 * One layer of routed experts: a row for each expert, a column for each token, coloured by what the expert counts for the token; on the
 * right the load of each expert, below the entropy of the router in every layer. Of a long text a window is drawn.
 */
import type { ExpertLayer, ExpertsSection } from '../../../protocol/sections/experts';
import { shownToken } from '../../../protocol/wire/token-name';
import { css } from '../../charts/colour-map';
import { colourOf, identitiesOf } from '../../charts/palette';
import { textWidth } from '../../charts/text-width';
import { count, significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { colourAt, domainOf, noValueColour, type Domain } from '../colours';
import { gridKey, moveInGrid, parseGridKey, type GridPlace } from '../grid-keys';
import { flow, scaleItem, smallSize, textMark, wordsItem } from '../legend';
import type { Drawn, Picture } from '../picture';
import { moved, type Box, type Mark } from '../scene';
import { windowOf } from '../tokens/tokens-picture';
import { shortened, valueWords } from '../words';

/** Pixels of a column: less is not seen, more says nothing more. */
const [narrowest, broadest] = [4, 22];
/** Height of all rows together, and of one. */
const [rowsHeight, lowest, highest] = [360, 5, 18];
const entropyHeight = 56;

export const layerKey = (at: number): string => `layer.${at}`;
export const layerOfKey = (cursor: string): number | undefined =>
  cursor.startsWith('layer.') ? Number(cursor.slice(6)) : undefined;

/** A cell of a layer, by their places: a choice stays what it was when another layer is drawn. */
export const cellKey = (at: number, place: GridPlace): string => `${at}:${gridKey(place)}`;

export function parseCellKey(cursor: string): (GridPlace & { readonly at: number }) | undefined {
  const [at = '', cell] = cursor.split(':');
  const place = cell === undefined ? undefined : parseGridKey(cell);
  return place && { at: Number(at), ...place };
}

const columnKey = (token: number): string => `token.${token}`;
const tokenOfColumn = (cursor: string): number | undefined =>
  cursor.startsWith('token.') ? Number(cursor.slice(6)) : undefined;

/** What expert of the row counts for the token; undefined where the token does not take it. */
function weightOf({ chosen, weights }: ExpertLayer, expert: number, token: number): number | undefined {
  const slot = chosen[token]?.indexOf(expert) ?? -1;
  return slot < 0 ? undefined : weights[token]?.[slot];
}

/** `at`: the layer by its place in the section; `around`: a token that is drawn in any case. */
export function expertsPicture(section: ExpertsSection, at: number, around = 0): Picture {
  const { layers, tokens, title } = section;
  const layer = layers[at];
  const rows = layer?.loads.length ?? 0;
  const domain = domainOf({ kind: 'sequential', min: 0 }, layer?.weights.flat() ?? []);
  const columns = Array.from({ length: rows }, () => tokens.length);
  return {
    label: `${title}, layer ${layer?.layer ?? 0}: ${count(rows)} experts, ${count(tokens.length)} tokens. Arrow keys walk, Escape leaves.`,
    draw: (width, theme) => (layer ? draw(section, at, layer, around, domain, width, theme) : nothingDrawn(width)),
    first: () => {
      const expert = layer?.chosen[0]?.[0];
      return expert === undefined ? undefined : cellKey(at, { row: expert, column: 0 });
    },
    move: (cursor, key) => {
      const bar = layerOfKey(cursor);
      if (bar !== undefined) {
        const to = { ArrowLeft: bar - 1, ArrowRight: bar + 1, Home: 0, End: layers.length - 1 }[key];
        return to === undefined ? undefined : layerKey(Math.max(0, Math.min(layers.length - 1, to)));
      }
      const place = parseCellKey(cursor);
      const next = place && moveInGrid(place, key, columns);
      return next && cellKey(at, next);
    },
    words: (cursor) => {
      const bar = layerOfKey(cursor);
      if (bar !== undefined) {
        const of = layers[bar];
        return (
          of && {
            title: `layer ${of.layer}`,
            value: `entropy ${valueWords(of.entropy, 'nats')} of ${significant(Math.log(of.loads.length))} at most`,
            definition: 'mean over tokens of -sum p ln p, p the scores of the router over their sum',
          }
        );
      }
      const place = parseCellKey(cursor);
      const own = place && layers[place.at];
      if (!own) return undefined;
      const weight = weightOf(own, place.row, place.column);
      const load = `load ${percent(own.loads[place.row])}`;
      return {
        title: `layer ${own.layer}, expert ${place.row}, token ${place.column}, ${shortened(shownToken(tokens[place.column] ?? ''), 60)}`,
        value: `${weight === undefined ? 'not chosen' : `weight ${significant(weight)}`}, ${load}`,
        definition:
          'weight: the factor of the expert’s output for the token; load: its share of all choices of the layer',
      };
    },
    tokens: { tokens, of: (cursor) => parseCellKey(cursor)?.column, at: columnKey },
  };
}

const percent = (share = Number.NaN): string => `${significant(100 * share, 2)} %`;

const nothingDrawn = (width: number): Drawn => ({
  ...{ width, height: 0, marks: [] },
  hit: () => undefined,
  box: () => undefined,
});

function draw(
  { layers, tokens, of }: ExpertsSection,
  at: number,
  layer: ExpertLayer,
  around: number,
  domain: Domain,
  width: number,
  theme: Theme,
): Drawn {
  const small = smallSize(theme);
  const experts = layer.loads.length;
  const left = textWidth(String(experts - 1), small, { font: theme.font }) + 6;
  const bars = Math.max(40, Math.min(110, Math.round(width * 0.16)));
  const across = width - left - bars - 10;
  const [from, to] = windowOf(tokens.length, around, Math.max(1, Math.floor(across / narrowest)));
  const column = Math.min(broadest, across / Math.max(1, to - from));
  const row = Math.max(lowest, Math.min(highest, Math.floor(rowsHeight / experts)));
  const top = small + 8;
  const [gridWidth, gridHeight] = [column * (to - from), row * experts];
  const loadsAt = left + gridWidth + 10;
  const ground = css(noValueColour(theme));
  const marks: Mark[] = [
    { kind: 'rect', x: left, y: top, width: gridWidth, height: gridHeight, fill: ground },
    textMark('expert', 0, small, theme),
    textMark('load', loadsAt, small, theme),
  ];
  // Labels of rows where they do not touch.
  const step = Math.max(1, Math.ceil((small + 2) / row));
  for (let expert = 0; expert < experts; expert += step) {
    const y = top + expert * row + row / 2 + small / 2 - 2;
    marks.push(textMark(String(expert), left - 5, y, theme, { anchor: 'end' }));
  }
  const gap = column > 6 && row > 7 ? 1 : 0;
  for (let token = from; token < to; token += 1) {
    layer.chosen[token]?.forEach((expert, slot) => {
      const colour = colourAt(layer.weights[token]?.[slot] ?? Number.NaN, domain, theme.dark);
      if (!colour) return;
      const [x, y] = [left + (token - from) * column, top + expert * row];
      marks.push({ kind: 'rect', x, y, width: column - gap, height: row - gap, fill: css(colour) });
    });
  }
  const [identity] = identitiesOf(['load']);
  const barFill = identity ? colourOf(identity, theme.dark) : theme.foreground;
  const most = Math.max(...layer.loads, 1 / experts);
  layer.loads.forEach((load, expert) => {
    const long = (load / most) * (bars - 2);
    const y = top + expert * row;
    if (load > 0) {
      marks.push({
        kind: 'rect',
        x: loadsAt,
        y,
        width: Math.max(1, long),
        height: Math.max(2, row - 1),
        fill: barFill,
      });
    }
  });
  const even = loadsAt + (1 / experts / most) * (bars - 2);
  const line = { stroke: theme.foreground, lineWidth: 1, dash: [3, 2] } as const;
  marks.push({ kind: 'path', d: `M${even} ${top - 2}V${top + gridHeight + 2}`, ...line });

  const entropyTop = top + gridHeight + 14;
  const strip = entropyStrip(layers, at, width, theme);
  marks.push(...strip.marks.map((mark) => moved(mark, 0, entropyTop)));

  const window = to - from < tokens.length ? `Tokens ${count(from)} to ${count(to - 1)}.` : '';
  const beyond =
    of > tokens.length
      ? `The first ${count(tokens.length)} of ${count(of)} tokens; loads and entropies are of all.`
      : '';
  const legend = flow(
    [
      scaleItem(domain, 'weight', theme),
      wordsItem(
        `largest load ${percent(Math.max(...layer.loads))}; dashed: an equal share, ${percent(1 / experts)}`,
        theme,
      ),
      ...[window, beyond].flatMap((words) => (words === '' ? [] : [wordsItem(words, theme)])),
    ],
    width,
  );
  const legendTop = entropyTop + strip.height + 8;
  const cell = (expert: number, token: number): Box | undefined =>
    token >= from && token < to && expert < experts
      ? { x: left + (token - from) * column, y: top + expert * row, width: column - gap, height: row - gap }
      : undefined;
  return {
    width,
    height: legendTop + legend.height,
    marks: [...marks, ...legend.marks.map((mark) => moved(mark, 0, legendTop))],
    hit: (x, y) => {
      const bar = strip.boxes.findIndex(
        (box) => x >= box.x && x < box.x + box.width && y >= entropyTop && y < entropyTop + strip.height,
      );
      if (bar >= 0) return layerKey(bar);
      const expert = Math.floor((y - top) / row);
      const token = from + Math.floor((x - left) / column);
      return x >= left && cell(expert, token) && expert >= 0 ? cellKey(at, { row: expert, column: token }) : undefined;
    },
    box: (cursor) => {
      const bar = layerOfKey(cursor);
      if (bar !== undefined) {
        const box = strip.boxes[bar];
        return box && { ...box, y: box.y + entropyTop };
      }
      const token = tokenOfColumn(cursor);
      const first = token === undefined ? undefined : cell(0, token);
      if (first) return { ...first, height: gridHeight };
      const place = parseCellKey(cursor);
      return place?.at === at ? cell(place.row, place.column) : undefined;
    },
  };
}

/** A bar for each layer, as high as the entropy of its router of the most that is possible. */
function entropyStrip(
  layers: readonly ExpertLayer[],
  chosen: number,
  width: number,
  theme: Theme,
): { readonly marks: readonly Mark[]; readonly boxes: readonly Box[]; readonly height: number } {
  const small = smallSize(theme);
  const top = small + 6;
  const ceiling = Math.max(...layers.map(({ loads }) => Math.log(loads.length)), 1e-9);
  const each = Math.min(28, width / layers.length);
  const bar = Math.max(1, each - (each > 4 ? 2 : 0));
  const plain = css(noValueColour(theme));
  const [, identity] = identitiesOf(['load', 'entropy']);
  const fill = identity ? colourOf(identity, theme.dark) : theme.foreground;
  const boxes = layers.map((_, at): Box => ({ x: at * each, y: top, width: bar, height: entropyHeight }));
  const marks: Mark[] = [
    textMark(`router entropy by layer, of ${significant(ceiling)} nats at most`, 0, small, theme),
    ...layers.flatMap(({ entropy }, at): readonly Mark[] => {
      const box = boxes[at];
      if (!box) return [];
      const high = Number.isNaN(entropy) ? 0 : Math.max(1, (entropy / ceiling) * entropyHeight);
      return [
        { kind: 'rect', ...box, fill: plain },
        { kind: 'rect', ...box, y: top + entropyHeight - high, height: high, fill },
        ...(at === chosen
          ? ([{ kind: 'rect', ...box, stroke: theme.foreground, lineWidth: 1.5 }] satisfies readonly Mark[])
          : []),
      ];
    }),
  ];
  const step = Math.max(1, Math.ceil((textWidth('L00', small, { font: theme.font }) + 4) / each));
  layers.forEach(({ layer }, at) => {
    const box = boxes[at];
    if (box && at % step === 0) {
      marks.push(textMark(`L${layer}`, box.x, top + entropyHeight + small + 2, theme));
    }
  });
  return { marks, boxes, height: top + entropyHeight + small + 6 };
}

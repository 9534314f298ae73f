/** Sections of a saved file, checked: what is drawn later is known to have the sizes that it says. */
import * as v from 'valibot';
import type { Schema } from '../schema/check';
import {
  exactly,
  byKind,
  either,
  figure,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  pair,
  text,
  texts,
  wholeFrom,
} from '../schema/fields';
import { imageSpan, mostHeads, mostHeadsInAll, mostLayers } from '../schema/parts';
import type { ChartSection, SectionAxis, SectionSeries } from './chart';
import type { Scale } from './figure';
import type { GenerationsSection } from './generations';
import type { GraphEdge, GraphNode } from './graph';
import type { HeadsLayer, HeadsSection } from './heads';
import type { ImageSection } from './image';
import type { MapAxis } from './map';
import type { Section } from './section';
import type { SectionCell, SectionColumn } from './table';
import type { TokensSection } from './tokens';

/** Sections of a result, and of what else a list may hold: more is laid out for minutes. */
export const mostSections = 64;
const mostSeries = 256;
const mostPoints = 65_536;
const mostRows = 20_000;
const mostTokens = 65_536;
const mostSide = 4096;
const mostCells = 2 ** 20;
const mostNumbers = 64;

const scale: Schema<Scale> = object<Scale>({
  kind: oneOf(['sequential', 'diverging']),
  min: optional(number),
  max: optional(number),
});

const base = {
  id: text,
  title: text,
  caption: optional(text),
  ask: optional(text),
  empty: optional(text),
};

const measured = { name: text, title: text, unit: text, definition: text, scale };

const place = object({
  layer: wholeFrom(0, mostLayers - 1),
  head: wholeFrom(0, mostHeadsInAll - 1),
});
const places = list(place, 'a list of heads', { most: mostHeadsInAll });

/** Rows of a table of heads or of a map; all of them together are bounded too. */
const rowsOf = (rows: number, columns: number, all: number): Schema<readonly (readonly number[])[]> =>
  v.pipe(
    v.custom<readonly unknown[]>(
      (value) =>
        Array.isArray(value) &&
        value.length <= rows &&
        value.every((row) => Array.isArray(row) && row.length <= columns) &&
        value.reduce((sum: number, row: readonly unknown[]) => sum + row.length, 0) <= all,
      `a list of at most ${rows} rows of at most ${columns} numbers, ${all} in all`,
    ),
    v.array(v.array(figure)),
  );

// Where a layer has a cell a position, rows are longer than heads.
const headRows = rowsOf(mostLayers, mostTokens, mostCells);

const headNumbers: Schema<HeadsLayer> = object<HeadsLayer>({
  ...measured,
  values: headRows,
  low: optional(headRows),
  high: optional(headRows),
  interval: optional(text),
});

const axis: Schema<SectionAxis> = object<SectionAxis>({
  title: text,
  unit: text,
  scale: oneOf(['linear', 'log2', 'log10', 'category']),
  categories: optional(texts),
  min: optional(number),
  max: optional(number),
});

const point: Schema<SectionSeries['points'][number]> = object<SectionSeries['points'][number]>({
  x: figure,
  y: figure,
  low: optional(figure),
  high: optional(figure),
  label: optional(text),
});

const series: Schema<SectionSeries> = object<SectionSeries>({
  id: text,
  title: text,
  mark: oneOf(['line', 'points', 'bars', 'stack']),
  look: optional(object<NonNullable<SectionSeries['look']>>({ colour: wholeFrom(0, 255), shape: wholeFrom(0, 255) })),
  points: list(point, 'a list of points', { most: mostPoints }),
});

const ends = pair(number, number, 'two numbers');

const cell: Schema<SectionCell> = orNull(
  either(either(text, number, 'a text or a number'), place, 'a text, a number or a head'),
);

const imageTokens = list(wholeFrom(0, mostTokens), 'a list of image tokens', { most: mostTokens });

const mapAxis = object<MapAxis>({
  title: text,
  labels: list(text, 'a list of labels', { most: mostSide }),
  named: optional(exactly(true)),
});

export const section: Schema<Section> = byKind<Section>({
  heads: {
    ...base,
    cell: optional(text),
    numbers: list(headNumbers, 'a list of tables', { most: mostNumbers }),
    classes: optional(
      list(
        object<NonNullable<HeadsSection['classes']>[number]>({
          name: text,
          title: text,
          definition: text,
          heads: places,
        }),
        'a list of classes',
        { most: mostNumbers },
      ),
    ),
    marked: optional(places),
  },
  map: {
    ...base,
    unit: text,
    definition: text,
    scale,
    rows: mapAxis,
    columns: mapAxis,
    attentionOf: optional(place),
    values: rowsOf(mostSide, mostSide, mostCells),
  },
  tokens: {
    ...base,
    tokens: list(text, 'a list of tokens', { most: mostTokens }),
    numbers: list(
      object<TokensSection['numbers'][number]>({
        ...measured,
        values: list(figure, 'a list of numbers', { most: mostTokens }),
      }),
      'a list of numbers of tokens',
      { most: mostNumbers },
    ),
    classes: optional(
      object<NonNullable<TokensSection['classes']>>({
        names: texts,
        of: list(wholeFrom(-1, mostNumbers), 'a list of classes', { most: mostTokens }),
      }),
    ),
  },
  chart: {
    ...base,
    x: axis,
    y: axis,
    series: list(series, 'a list of series', { most: mostSeries }),
    references: optional(
      list(
        object<NonNullable<ChartSection['references']>[number]>({ label: text, from: ends, to: ends }),
        'a list of lines',
        { most: mostSeries },
      ),
    ),
    interval: optional(text),
  },
  table: {
    ...base,
    columns: list(
      object<SectionColumn>({
        name: text,
        title: text,
        kind: oneOf(['text', 'number', 'head']),
        unit: optional(text),
        definition: optional(text),
        digits: optional(wholeFrom(1, 17)),
      }),
      'a list of columns',
      { most: mostNumbers },
    ),
    rows: list(list(cell, 'a list of cells', { most: mostNumbers }), 'a list of rows', { most: mostRows }),
  },
  image: {
    ...base,
    image: imageSpan,
    numbers: list(
      object<ImageSection['numbers'][number]>({
        ...measured,
        values: list(figure, 'a list of numbers', { most: mostTokens }),
      }),
      'a list of numbers of image tokens',
      { most: mostNumbers },
    ),
    classes: optional(
      object<NonNullable<ImageSection['classes']>>({
        names: texts,
        of: list(wholeFrom(-1, mostNumbers), 'a list of classes', { most: mostTokens }),
      }),
    ),
    apart: optional(object<NonNullable<ImageSection['apart']>>({ title: text, definition: text, tokens: imageTokens })),
    outlined: optional(
      list(
        object<NonNullable<ImageSection['outlined']>[number]>({
          name: text,
          tokens: imageTokens,
        }),
        'a list of parts of the picture',
        { most: mostNumbers },
      ),
    ),
  },
  graph: {
    ...base,
    nodes: list(
      object<GraphNode>({
        id: text,
        kind: oneOf(['embedding', 'head', 'mlp', 'logits', 'feature']),
        layer: wholeFrom(-1, mostLayers),
        column: wholeFrom(0, mostHeads),
        label: text,
        weight: figure,
      }),
      'a list of nodes',
      { most: mostHeadsInAll },
    ),
    edges: list(
      object<GraphEdge>({
        from: text,
        to: text,
        input: optional(oneOf(['query', 'key', 'value', 'mlp', 'logits'])),
        weight: figure,
      }),
      'a list of edges',
      { most: mostPoints },
    ),
    unit: text,
    definition: text,
    threshold: number,
  },
  text: { ...base, paragraphs: list(text, 'a list of paragraphs', { most: mostNumbers }) },
  generations: {
    ...base,
    variants: list(text, 'a list of variants', { most: mostNumbers }),
    items: list(
      object<GenerationsSection['items'][number]>({
        title: text,
        prompt: optional(text),
        texts,
        scores: optional(list(figure, 'a list of scores', { most: mostNumbers })),
      }),
      'a list of texts',
      { most: mostRows },
    ),
    score: optional(object<NonNullable<GenerationsSection['score']>>({ title: text, unit: text })),
  },
});

export const sections: Schema<readonly Section[]> = v.pipe(
  list(section, 'a list of sections', { most: mostSections }),
  v.check((all) => new Set(all.map(({ id }) => id)).size === all.length, 'a list of sections with ids of their own'),
);

/** Numbers and classes of every head: layers down, heads across. */
import type { Output } from '../schema/check';
import {
  type KindOutput,
  ensure,
  exactly,
  figure,
  flag,
  list,
  longText,
  object,
  optional,
  orNull,
  text,
  whole,
  wholeFrom,
} from '../schema/fields';
import { isBase64Of } from '../wire/base64';
import { headGains, mostHeads, mostHeadsInAll, mostLayers } from '../schema/parts';
import { base, stack, measured, mostCells, mostNumbers, mostTokens, places, rowsOf } from './section-base';

/** Where a layer has a cell for each position, its row is longer than there are heads. */
const headRows = rowsOf(mostLayers, mostTokens, mostCells);

/** Blocks on a side of a picture. */
const mostSide = 64;

const headNumbers = object({
  ...measured,
  /** [layers][heads]; NaN where a head has none. Layers may have different numbers of heads. */
  values: headRows,
  /** Ends of an interval about each value, shaped like `values`. */
  low: optional(headRows),
  high: optional(headRows),
  /** What `low` and `high` are, e.g. `95 % interval over prompts`. */
  interval: optional(text),
});
export type HeadsLayer = Output<typeof headNumbers>;

/** Pictures of the patterns: [layers][heads][size][size]; row = block of queries, column = block of keys. */
const headPictures = ensure(
  object({
    size: wholeFrom(1, mostSide),
    layers: wholeFrom(1, mostLayers),
    heads: wholeFrom(1, mostHeads),
    /**
     * A byte is sqrt(mass / largest mass of the head) x 255, rounded. Signed: 128 + sqrt(|weight| / largest of the head) x 127 above it
     * or below it.
     */
    encoding: exactly('uint8-base64'),
    signed: optional(flag),
    data: longText,
  }),
  ({ size, layers, heads, data }) => isBase64Of(data, layers * heads * size ** 2),
  'pictures of a byte for each block in base64',
);
export type HeadPictures = Output<typeof headPictures>;

const headClass = object({
  name: text,
  title: text,
  definition: text,
  heads: places,
  /** What each of these heads scores, in their order. */
  scores: optional(list(figure, 'a list of scores', { most: mostHeadsInAll })),
  /** For each of these heads how many of its classes come before this one, in their order; absent: as the list of classes. */
  ranks: optional(list(whole, 'a list of ranks', { most: mostHeadsInAll })),
  /** Stands for the class in a cell; absent: its shape does. */
  letter: optional(text),
  /** As `look` of a series: else its place in the list decides. */
  look: optional(object({ colour: wholeFrom(0, 255), shape: wholeFrom(0, 255) })),
});

export const heads = {
  ...base,
  /** What one cell stands for: `query head` where nothing else is said, `key/value head`, `MLP`, `position`. */
  cell: optional(text),
  /** Heads of the encoder of an encoder-decoder, or of its cross-attention; absent: those of the model, or of its decoder. */
  stack: optional(stack),
  /** The first is drawn; a person switches between them. */
  numbers: list(headNumbers, 'a list of tables', { most: mostNumbers }),
  /** Classes of heads; a head may have several. */
  classes: optional(list(headClass, 'a list of classes', { most: mostNumbers })),
  /** Key/value heads of a layer: query heads that share one are bracketed. */
  kvHeads: optional(wholeFrom(1, mostHeads)),
  /** By layer: tokens of its window, or null; a layer with one is marked. */
  windows: optional(list(orNull(whole), 'a list of windows', { most: mostLayers })),
  /** By layer: why it has no cell here, or null; said in its row. */
  without: optional(list(orNull(text), 'a list of reasons', { most: mostLayers })),
  /** Heads whose output is scaled: struck through at 0, a corner otherwise. */
  gains: optional(headGains()),
  /** Drawn in the cells; layers that are not measured yet have none. */
  pictures: optional(headPictures),
  /** Heads that the finding names. */
  marked: optional(places),
  /** Rows of a table of the result that are of these heads: found from here, and shown by head. */
  rows: optional(
    object({
      /** The id of the table. */
      in: text,
      /** What a row is, in the plural: `Examples`. */
      title: text,
      /** None is left out of the table: what `ask` asks of a head is answered by its rows, without the model. */
      complete: optional(exactly(true)),
    }),
  ),
  /** Several heads can be chosen, and asked about together. */
  together: optional(flag),
};
export type HeadsSection = KindOutput<'heads', typeof heads>;

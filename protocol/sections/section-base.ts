/** What several kinds of section hold, and how much of it. */
import * as v from 'valibot';
import type { Output, Schema } from '../schema/check';
import { figure, flag, list, object, oneOf, optional, text, texts, wholeFrom } from '../schema/fields';
import { mostHeadsInAll, mostLayers } from '../schema/parts';
import { scale } from './figure';

export const mostPoints = 65_536;
export const mostRows = 20_000;
export const mostTokens = 65_536;
export const mostCells = 2 ** 20;
export const mostNumbers = 64;

/** What every section has. Ids are unique within a result: state of the panel and exports go by them. */
export const base = {
  id: text,
  title: text,
  /** One or two sentences under the title: what is seen, how it was got. */
  caption: optional(text),
  /** What can be asked of a cell, row, token, node or edge (`Analysis.ask`), as the words of a button: `Show its attention`. */
  ask: optional(text),
  /** What is chosen is asked about at once; the answer takes the place of the one before. */
  asksAtOnce: optional(flag),
  /** A row or an item is named as a picture of the folder that was read: asked about, it becomes the input of the request. */
  opensPictures: optional(flag),
  /** Shown where there is nothing to draw. */
  empty: optional(text),
};

/** The part of an encoder-decoder that heads belong to, where they are not those of its decoder. */
export const stack = oneOf(['encoder', 'cross']);
export type Stack = Output<typeof stack>;

export const measured = {
  name: text,
  title: text,
  /** Empty for a share or a count without a unit; never left out. */
  unit: text,
  /** What the number is, with its formula: tooltip, export, screen reader. */
  definition: text,
  scale,
};

export const place = object({
  layer: wholeFrom(0, mostLayers - 1),
  head: wholeFrom(0, mostHeadsInAll - 1),
});
export const places = list(place, 'a list of heads', { most: mostHeadsInAll });

/** Rows of a table of heads or of a map; all of them together are bounded too. */
export const rowsOf = (rows: number, columns: number, all: number): Schema<readonly (readonly number[])[]> =>
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

/** Beside the texts of tokens. */
export const tokenIds = list(wholeFrom(0, 2 ** 31 - 1), 'a list of token ids', { most: mostTokens });

/** `what`: the name of the list in a sentence about a fault. */
export const numbersOfTokens = (what: string) =>
  list(
    object({
      ...measured,
      /** One per token. */
      values: list(figure, 'a list of numbers', { most: mostTokens }),
    }),
    what,
    { most: mostNumbers },
  );

export const classesOfTokens = object({
  names: texts,
  /** A sign for each class, which stands behind its tokens; absent: each has a shape over it. */
  marks: optional(texts),
  /** The class of each token, -1 for none. */
  of: list(wholeFrom(-1, mostNumbers), 'a list of classes', { most: mostTokens }),
});

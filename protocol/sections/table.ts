/** Rows and columns. */
import type { Output } from '../schema/check';
import {
  type KindOutput,
  either,
  exactly,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  text,
  texts,
  wholeFrom,
} from '../schema/fields';
import { reading } from './reading';
import { base, mostNumbers, mostRows, mostTokens, place, tokenIds } from './section-base';

const column = object({
  name: text,
  title: text,
  /** `reading`: a strip of tokens, of a text in `texts`. */
  kind: oneOf(['text', 'number', 'head', 'reading']),
  /** Unit of a number; empty for a share or a count without a unit. */
  unit: optional(text),
  definition: optional(text),
  /** Significant digits of a number; 3 where left out. */
  digits: optional(wholeFrom(1, 17)),
  /** How a number is written: a share as `41.0 %`, a difference of shares as `+9.0 points`, any other with its sign. */
  as: optional(oneOf(['percent', 'points', 'signed'])),
  /** Left out where the page is too narrow for all columns. */
  wide: optional(exactly(true)),
});
export type SectionColumn = Output<typeof column>;

const cell = orNull(
  either(
    either(text, number, 'a text or a number'),
    either(reading, place, 'a head or what a query reads'),
    'a text, a number, a head or what a query reads',
  ),
);
export type SectionCell = Output<typeof cell>;

/** As the model read it. */
const readText = object({ tokens: texts, tokenIds: optional(tokenIds) });

export const table = {
  ...base,
  columns: list(column, 'a list of columns', { most: mostNumbers }),
  /** In the order of `columns`. */
  rows: list(list(cell, 'a list of cells', { most: mostNumbers }), 'a list of rows', { most: mostRows }),
  /** Texts of the cells that are readings. */
  texts: optional(list(readText, 'a list of texts', { most: mostRows })),
  /** Tokens of a strip on each side of the query and of the key. */
  around: optional(wholeFrom(0, mostTokens)),
  /** A row that is asked about opens in Look: its text is the prompt, its head and its query are chosen. */
  opensTexts: optional(flag),
};
export type TableSection = KindOutput<'table', typeof table>;

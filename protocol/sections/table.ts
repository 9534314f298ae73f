/** Rows and columns. */
import type { Output } from '../schema/check';
import {
  type KindOutput,
  either,
  exactly,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  text,
  wholeFrom,
} from '../schema/fields';
import { base, mostNumbers, mostRows, place } from './section-base';

const column = object({
  name: text,
  title: text,
  kind: oneOf(['text', 'number', 'head']),
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

const cell = orNull(either(either(text, number, 'a text or a number'), place, 'a text, a number or a head'));
export type SectionCell = Output<typeof cell>;

export const table = {
  ...base,
  columns: list(column, 'a list of columns', { most: mostNumbers }),
  /** In the order of `columns`. */
  rows: list(list(cell, 'a list of cells', { most: mostNumbers }), 'a list of rows', { most: mostRows }),
};
export type TableSection = KindOutput<'table', typeof table>;

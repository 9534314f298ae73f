/** One matrix, queries down and keys across: the probabilities of one head, a similarity, a transition. */
import type { Output } from '../schema/check';
import { type KindOutput, exactly, list, object, optional, text } from '../schema/fields';
import type { HeadPlace } from '../schema/written-form';
import { scale } from './figure';
import { base, mostCells, place, rowsOf } from './section-base';

const mostSide = 4096;

/** One attention weight: what query position `query` gives key position `key`. */
export interface AttentionCell extends HeadPlace {
  readonly query: number;
  readonly key: number;
}

const mapAxis = object({
  title: text,
  labels: list(text, 'a list of labels', { most: mostSide }),
  /**
   * A label says where its place is (a frequency, an angle, "prompt 2"), so that it stands in place of the count also where only
   * some labels fit. Texts of tokens do not: there the position says more.
   */
  named: optional(exactly(true)),
});
export type MapAxis = Output<typeof mapAxis>;

export const map = {
  ...base,
  unit: text,
  definition: text,
  scale,
  rows: mapAxis,
  columns: mapAxis,
  /** The cells are attention weights of this head, at positions of the prompt: each can be explained. */
  attentionOf: optional(place),
  /** [rows][columns] */
  values: rowsOf(mostSide, mostSide, mostCells),
};
export type MapSection = KindOutput<'map', typeof map>;

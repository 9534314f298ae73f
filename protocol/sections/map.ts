/** One matrix, queries down and keys across: the probabilities of one head, a similarity, a transition. */
import type { HeadPlace } from '../schema/written-form';
import type { Figure, Scale } from './figure';
import type { SectionOf } from './section-base';

/** One attention weight: what query position `query` gives key position `key`. */
export interface AttentionCell extends HeadPlace {
  readonly query: number;
  readonly key: number;
}

export interface MapAxis {
  readonly title: string;
  readonly labels: readonly string[];
  /**
   * A label says where its place is (a frequency, an angle, "prompt 2"), so that it stands in place of the count also where only
   * some labels fit. Texts of tokens do not: there the position says more.
   */
  readonly named?: true;
}

export interface MapSection extends SectionOf<'map'> {
  readonly unit: string;
  readonly definition: string;
  readonly scale: Scale;
  readonly rows: MapAxis;
  readonly columns: MapAxis;
  /** The cells are attention weights of this head, at positions of the prompt: each can be explained. */
  readonly attentionOf?: HeadPlace;
  /** [rows][columns] */
  readonly values: readonly (readonly Figure[])[];
}

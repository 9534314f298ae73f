/** The result of the analysis `path-patching`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { effectMetrics } from '../../../protocol/analysis/tasks';
import {
  ensure,
  count,
  figure,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { firstPassField } from '../../shared/circuits/first-pass';
import { measuredMean } from '../../shared/statistics/proportion';

/** [layers][heads] */
export type Table = readonly (readonly number[])[];

const tableOf = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { least: 1, most: mostLayers });
const table = tableOf(figure);
const place = object({ layer: whole, head: whole });

/** The effect of a kept head on one receiver alone. */
const pathEdge = object({
  layer: whole,
  head: whole,
  /** As in the list of receivers. */
  to: text,
  effect: figure,
});

const stage = ensure(
  object({
    /** `logits`, or inputs such as `5.1.q`. */
    receivers: texts,
    /** Where senders and receivers stand, as it was named. */
    at: text,
    /** NaN of heads whose inputs receive, and of those that a first pass left out. */
    effect: table,
    low: table,
    high: table,
    beyondChance: optional(tableOf(flag)),
    /** By the gradient, as the effect; where a first pass chose what is patched. */
    estimate: optional(table),
    firstPass: optional(firstPassField),
    /** Largest effect first. */
    kept: list(place),
    edges: list(pathEdge),
  }),
  ({ effect, low, high, beyondChance = effect, estimate = effect, kept, edges }) => {
    const shapeOf = (of: readonly (readonly unknown[])[]): string => of.map(({ length }) => length).join();
    return (
      [low, high, beyondChance, estimate].every((one) => shapeOf(one) === shapeOf(effect)) &&
      [...kept, ...edges].every(({ layer, head }) => head < (effect[layer]?.length ?? 0))
    );
  },
  'a stage whose tables are of one size and hold its heads',
);
export type Stage = Output<typeof stage>;

/** Means are over `n` prompts; intervals are 95 % of Student's t over prompts (NaN where n is 1). */
export const pathResult = object({
  metric: oneOf(effectMetrics),
  n: count,
  /** Prompts of a task without a counterpart of as many tokens. */
  leftOut: optional(whole),
  answers: optional(object({ right: text, wrong: optional(text) })),
  freezeMlps: flag,
  original: measuredMean,
  counterpart: measuredMean,
  /** Counterpart less original. */
  gap: measuredMean,
  stages: list(stage, 'a list of stages'),
});
export type PathResult = Output<typeof pathResult>;

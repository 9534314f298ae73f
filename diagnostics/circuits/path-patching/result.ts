/** The result of the analysis `path-patching`, and its schema. */
import * as v from 'valibot';
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
import {
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
import type { HeadPlace } from '../../../protocol/sections/heads';
import { firstPassField, type FirstPass } from '../../shared/circuits/first-pass';

/** [layers][heads] */
export type Table = readonly (readonly number[])[];

interface Level {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Of a head that was kept, on one receiver alone. */
export interface PathEdge extends HeadPlace {
  /** As in the list of receivers. */
  readonly to: string;
  readonly effect: number;
}

export interface Stage {
  /** `logits`, or inputs such as `5.1.q`. */
  readonly receivers: readonly string[];
  /** Where senders and receivers stand, as it was named. */
  readonly at: string;
  /** NaN of heads whose inputs receive, and of those that a first pass left out. */
  readonly effect: Table;
  readonly low: Table;
  readonly high: Table;
  readonly beyondChance?: readonly (readonly boolean[])[];
  /** By the gradient, as the effect; where a first pass chose what is patched. */
  readonly estimate?: Table;
  readonly firstPass?: FirstPass;
  /** Largest effect first. */
  readonly kept: readonly HeadPlace[];
  readonly edges: readonly PathEdge[];
}

/** Means are over `n` prompts; intervals are 95 % of Student's t over prompts (NaN where n is 1). */
interface PathFields {
  readonly metric: TaskMetric;
  readonly n: number;
  /** Prompts of a task without a counterpart of as many tokens. */
  readonly leftOut?: number;
  readonly answers?: { readonly right: string; readonly wrong?: string };
  readonly freezeMlps: boolean;
  readonly original: Level;
  readonly counterpart: Level;
  /** Counterpart less original. */
  readonly gap: Level;
  readonly stages: readonly Stage[];
}

export interface PathResult extends PathFields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<PathFields, keyof PathFields>;

const tableOf = <T>(item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { least: 1, most: mostLayers });
const table = tableOf(figure);
const level: Schema<Level> = object<Level>({ mean: figure, low: figure, high: figure });
const place: Schema<HeadPlace> = object<HeadPlace>({ layer: whole, head: whole });

const stage: Schema<Stage> = v.pipe(
  object<Stage>({
    receivers: texts,
    at: text,
    effect: table,
    low: table,
    high: table,
    beyondChance: optional(tableOf(flag)),
    estimate: optional(table),
    firstPass: optional(firstPassField),
    kept: list(place),
    edges: list(object<PathEdge>({ layer: whole, head: whole, to: text, effect: figure })),
  }),
  v.check(({ effect, low, high, beyondChance = effect, estimate = effect, kept, edges }) => {
    const shapeOf = (of: readonly (readonly unknown[])[]): string => of.map(({ length }) => length).join();
    return (
      [low, high, beyondChance, estimate].every((one) => shapeOf(one) === shapeOf(effect)) &&
      [...kept, ...edges].every(({ layer, head }) => head < (effect[layer]?.length ?? 0))
    );
  }, 'a stage whose tables are of one size and hold its heads'),
);

export const pathResult: Schema<PathResult> = object<Named>({
  metric: oneOf(taskMetrics),
  n: count,
  leftOut: optional(whole),
  answers: optional(object<NonNullable<Named['answers']>>({ right: text, wrong: optional(text) })),
  freezeMlps: flag,
  original: level,
  counterpart: level,
  gap: level,
  stages: list(stage, 'a list of stages'),
});

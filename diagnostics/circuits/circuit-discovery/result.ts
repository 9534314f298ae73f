/** The result of the analysis `circuit-discovery`, and its schema. */
import * as v from 'valibot';
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, optional, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { modes, type Mode } from '../ablation/result';
import { circuitField, type Circuit } from '../../shared/circuits/circuit';
import { firstPassField, type FirstPass } from '../../shared/circuits/first-pass';
import { methods, type Method, type Removal } from '../../shared/circuits/discover';
import type { CompletenessPoint, Level, NodeVerdict, Verdict } from '../../shared/circuits/verdict';

/** Means are over prompts, intervals 95 % of Student's t over prompts (NaN of one). Definitions: ../circuits/verdict.ts. */
interface DiscoveryFields {
  readonly method: Method | 'given';
  /** Share of F(M) - F(0). */
  readonly threshold: number;
  readonly mode: Mode;
  readonly mlps: boolean;
  readonly metric: TaskMetric;
  /** Prompts that it was found on, and those that were held out. */
  readonly found: number;
  readonly held: number;
  /** Prompts of a task without a counterpart of as many tokens. */
  readonly leftOut?: number;
  /** Edges at least this strong are drawn at first. */
  readonly edgeThreshold: number;
  /** [layers][heads], and [layers]: what the removal of one part from the whole model takes, a share. */
  readonly own?: readonly (readonly number[])[];
  readonly ownMlp?: readonly number[];
  readonly removals: readonly Removal[];
  readonly circuit?: Circuit;
  /** Where gradients chose the edges that were patched. */
  readonly edgePass?: FirstPass;
  readonly verdict?: Verdict;
  /** Faithfulness of random circuits: mean, largest, and the share of them, itself counted, that is at least as faithful. */
  readonly chance?: { readonly mean: number; readonly largest: number; readonly share: number; readonly n: number };
  /** Largest and mean distance of the circuit from the model over the sets that were taken away, shares. */
  readonly incompleteness?: { readonly mean: number; readonly largest: number; readonly n: number };
}

export interface DiscoveryResult extends DiscoveryFields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<DiscoveryFields, keyof DiscoveryFields>;

const layersOf = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { least: 1, most: mostLayers });

const level: Schema<Level> = object<Level>({
  mean: figure,
  low: figure,
  high: figure,
  share: figure,
  shareLow: figure,
  shareHigh: figure,
});

const verdict: Schema<Verdict> = object<Verdict>({
  model: level,
  nothing: level,
  circuit: level,
  rest: level,
  completeness: list(object<CompletenessPoint>({ removed: whole, model: figure, circuit: figure })),
  minimality: list(object<NodeVerdict>({ change: figure, low: figure, high: figure, beside: whole })),
  random: list(figure),
});

const fields: Schema<Named> = object<Named>({
  method: oneOf([...methods, 'given']),
  threshold: figure,
  mode: oneOf(modes),
  mlps: flag,
  metric: oneOf(taskMetrics),
  found: count,
  held: count,
  leftOut: optional(whole),
  edgeThreshold: figure,
  own: optional(layersOf(list(figure, 'a list of heads', { most: mostHeads }))),
  ownMlp: optional(layersOf(figure)),
  removals: list(object<Removal>({ layer: whole, head: optional(whole), removed: flag, faithfulness: figure })),
  circuit: optional(circuitField),
  edgePass: optional(firstPassField),
  verdict: optional(verdict),
  chance: optional(object<NonNullable<Named['chance']>>({ mean: figure, largest: figure, share: figure, n: count })),
  incompleteness: optional(object<NonNullable<Named['incompleteness']>>({ mean: figure, largest: figure, n: count })),
});

export const discoveryResult: Schema<DiscoveryResult> = v.pipe(
  fields,
  v.check(
    ({ circuit, verdict: own }) => own === undefined || own.minimality.length === (circuit?.nodes.length ?? 0),
    'a result with a verdict on each node',
  ),
);

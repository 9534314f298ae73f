/** The result of the analysis `circuit-discovery`, and its schema. */
import { verdict } from '../../shared/circuits/verdict';
import type { Output, Schema } from '../../../protocol/schema/check';
import { effectMetrics } from '../../../protocol/analysis/tasks';
import { ensure, count, figure, flag, list, object, oneOf, optional, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { modes } from '../../shared/effects/stand-ins';
import { circuitField } from '../../shared/circuits/circuit';
import { firstPassField } from '../../shared/circuits/first-pass';
import { removal, methods } from '../../shared/circuits/discover';

const layersOf = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { least: 1, most: mostLayers });

/** Means are over prompts, intervals 95 % of Student's t over prompts (NaN of one). Definitions: ../circuits/verdict.ts. */
const fields = object({
  method: oneOf([...methods, 'given']),
  /** Share of F(M) - F(0). */
  threshold: figure,
  mode: oneOf(modes),
  mlps: flag,
  metric: oneOf(effectMetrics),
  /** Prompts that it was found on, and those that were held out. */
  found: count,
  held: count,
  /** Prompts of a task without a counterpart of as many tokens. */
  leftOut: optional(whole),
  /** Edges at least this strong are drawn at first. */
  edgeThreshold: figure,
  /** [layers][heads], and [layers]: what the removal of one part from the whole model takes, a share. */
  own: optional(layersOf(list(figure, 'a list of heads', { most: mostHeads }))),
  ownMlp: optional(layersOf(figure)),
  removals: list(removal),
  circuit: optional(circuitField),
  /** Where gradients chose the edges that were patched. */
  edgePass: optional(firstPassField),
  verdict: optional(verdict),
  /** Faithfulness of random circuits: mean, largest, and the share of them, itself counted, that is at least as faithful. */
  chance: optional(object({ mean: figure, largest: figure, share: figure, n: count })),
  /** Largest and mean distance of the circuit from the model over the sets that were taken away, shares. */
  incompleteness: optional(object({ mean: figure, largest: figure, n: count })),
});

export const discoveryResult = ensure(
  fields,
  ({ circuit, verdict: own }) => own === undefined || own.minimality.length === (circuit?.nodes.length ?? 0),
  'a result with a verdict on each node',
);
export type DiscoveryResult = Output<typeof discoveryResult>;

import type { Output, Schema } from '../../../protocol/schema/check';
import { figure, flag, list, number, object, oneOf, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where it was not measured. */
type PerHead = readonly (readonly number[])[];

const layers = <T>(item: Schema<T>) => list(item, 'a list of layers', { most: mostLayers });
const heads = list(figure, 'a list of heads', { most: mostHeads });
const perHead: Schema<PerHead> = layers(heads);

/** A head that goes, and what is changed when it and all before it are gone. */
const pruningStep = object({
  layer: whole,
  head: whole,
  /** Alone. */
  alone: number,
  /** With all before it. */
  joint: number,
  /** Share of the attention's multiply-adds that is saved then. */
  saved: number,
});
export type PruningStep = Output<typeof pruningStep>;

export const headRedundancyResult = object({
  rows: whole,
  /** What changes are measured in: nats of the predictions, or 1 - cosine of the last stream. */
  measure: oneOf(['divergence', 'turn']),
  /** [layers][heads][heads] */
  similarity: layers(list(heads, 'a list of heads', { most: mostHeads })),
  /** [layers]: mean over pairs of heads. */
  layerMean: layers(figure),
  /** The same with maps dealt to other keys. */
  layerChance: layers(figure),
  /** Mean over the other heads of the layer; NaN in a layer of one head. */
  mean: perHead,
  /** Largest with another head of the layer, and which head that is. */
  nearest: perHead,
  nearestHead: perHead,
  measured: flag,
  /** Change without the head, and with it alone in its layer. */
  without: perHead,
  alone: perHead,
  budget: number,
  /** Greedy, up to the budget. */
  plan: list(pruningStep, 'a list of heads', { most: mostHeads * mostLayers }),
  /** By layer the head that changes least when it alone is kept; and the change when every layer keeps its one. */
  kept: layers(number),
  keptJoint: figure,
  keptSaved: figure,
});
export type HeadRedundancyResult = Output<typeof headRedundancyResult>;

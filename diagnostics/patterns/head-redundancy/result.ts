import type { Schema } from '../../../protocol/schema/check';
import { figure, flag, list, number, object, oneOf, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where it was not measured. */
export type PerHead = readonly (readonly number[])[];

/** A head that goes, and what is changed when it and all before it are gone. */
export interface PruningStep {
  readonly layer: number;
  readonly head: number;
  /** Alone. */
  readonly alone: number;
  /** With all before it. */
  readonly joint: number;
  /** Share of the attention's multiply-adds that is saved then. */
  readonly saved: number;
}

export interface HeadRedundancyResult extends Readonly<Record<string, unknown>> {
  readonly rows: number;
  /** What changes are measured in: nats of the predictions, or 1 - cosine of the last stream. */
  readonly measure: 'divergence' | 'turn';
  /** [layers][heads][heads] */
  readonly similarity: readonly (readonly (readonly number[])[])[];
  /** [layers]: mean over pairs of heads. */
  readonly layerMean: readonly number[];
  /** The same with maps dealt to other keys. */
  readonly layerChance: readonly number[];
  /** Mean over the other heads of the layer; NaN in a layer of one head. */
  readonly mean: PerHead;
  /** Largest with another head of the layer, and which head that is. */
  readonly nearest: PerHead;
  readonly nearestHead: PerHead;
  readonly measured: boolean;
  /** Change without the head, and with it alone in its layer. */
  readonly without: PerHead;
  readonly alone: PerHead;
  readonly budget: number;
  /** Greedy, up to the budget. */
  readonly plan: readonly PruningStep[];
  /** By layer the head that changes least when it alone is kept; and the change when every layer keeps its one. */
  readonly kept: readonly number[];
  readonly keptJoint: number;
  readonly keptSaved: number;
}

type Named = { readonly [K in keyof HeadRedundancyResult as string extends K ? never : K]: HeadRedundancyResult[K] };

const layers = <T>(item: Schema<T>) => list(item, 'a list of layers', { most: mostLayers });
const heads = list(figure, 'a list of heads', { most: mostHeads });
const perHead: Schema<PerHead> = layers(heads);

export const headRedundancyResult: Schema<HeadRedundancyResult> = object<Named>({
  rows: whole,
  measure: oneOf(['divergence', 'turn']),
  similarity: layers(list(heads, 'a list of heads', { most: mostHeads })),
  layerMean: layers(figure),
  layerChance: layers(figure),
  mean: perHead,
  nearest: perHead,
  nearestHead: perHead,
  measured: flag,
  without: perHead,
  alone: perHead,
  budget: number,
  plan: list(
    object<PruningStep>({ layer: whole, head: whole, alone: number, joint: number, saved: number }),
    'a list of heads',
    { most: mostHeads * mostLayers },
  ),
  kept: layers(number),
  keptJoint: figure,
  keptSaved: figure,
});
